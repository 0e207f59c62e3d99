"""An engine: a long-running child that is ready once it answers, logs into a file, and is gone when we are."""

import asyncio
import shutil
import signal
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.log_file import last_line, open_log
from shared.process.child import Command, Limits, start_child

_READY_SECONDS = 30.0
_STOP_SECONDS = 5.0
_ASK_EVERY = 0.05


class EngineError(Exception):
    """An engine does not run; the message says why and what to do."""


class Engine(ABC):
    """One engine on one port; may be started again after it was stopped, was killed or died.

    Call it from the main thread: the kernel ends the child when the thread that started it is gone. The child has
    a session of its own, so that Ctrl-C in a terminal reaches us alone and we stop it after those who use it.
    """

    name: str

    def __init__(self, *, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    def _command(self) -> Command:
        """Prepare the engine's folder and return what to run."""

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether this very child (not a stranger on its port) does its work."""

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the child and wait until it answers; raises EngineError, with nothing left running."""
        with open_log(self.log) as log:
            self._process = await start_child(
                self._command(), Limits(), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            await self._wait_until_it_answers()
        except BaseException:
            await self.kill()
            raise

    async def _wait_until_it_answers(self) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await self._answers():
                    if self.pid is None:
                        raise EngineError(f"{self.name} ended at its start. {self.diagnosis()}")
                    await asyncio.sleep(_ASK_EVERY)
        except TimeoutError:
            raise EngineError(
                f"{self.name} does not answer on port {self.port} after {_READY_SECONDS:.0f} s. {self.diagnosis()}"
            ) from None

    async def wait(self) -> int:
        """Wait until the child ends, and return its status."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self) -> None:
        """Ask the child to end, and make it after a while; returns when it is gone."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._end_with(signal.SIGTERM)
        except TimeoutError:
            pass  # `kill` is the answer
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End the child at once, as a crash would; returns when it is gone."""
        await self._end_with(signal.SIGKILL)

    async def _end_with(self, signal_number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal_number)
            await process.wait()

    def last_line(self) -> str:
        """Return the last line the engine wrote, or an empty string."""
        return last_line(self.log)

    def diagnosis(self) -> str:
        """Quote the last line the engine wrote, and say where the others are."""
        return f"Its last words: {self.last_line() or 'none'} (all of them: {self.log})"

    async def __aenter__(self) -> Self:
        """Start, as `start` does."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, as `stop` does."""
        await self.stop()


def find_program(name: str, *, package: str) -> str:
    """Return the path of an engine's program, which its PyPI package installs beside the interpreter.

    Raises EngineError, naming the `package` to install.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise EngineError(f"{name} is not installed: install the Python package {package}, or put {name} on the PATH")
    return found
