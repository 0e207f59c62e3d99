"""An engine: a server program run as a child process, with a readiness check and a log file; it ends with us."""

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
_POLL_SECONDS = 0.05


class EngineError(Exception):
    """An engine does not run; the message says why and what to do."""


class Engine(ABC):
    """One engine on one port; may be started again after it was stopped, was killed or died.

    Call `start` from the main thread: the kernel kills the child when the thread that started it ends. The child has
    its own session (setsid(2)), so that Ctrl-C in a terminal reaches us alone and the child is stopped after its users.
    """

    name: str

    def __init__(self, *, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    def _command(self) -> Command:
        """Prepare the engine's folder and return the command to run."""

    @abstractmethod
    async def _is_ready(self) -> bool:
        """Whether this very child (not another program on its port) serves requests."""

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the child and wait until it is ready, 30 s at most; raises EngineError, with nothing left running."""
        with open_log(self.log) as log:
            self._process = await start_child(
                self._command(), Limits(), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            await self._wait_until_ready()
        except BaseException:
            await self.kill()
            raise

    async def _wait_until_ready(self) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await self._is_ready():
                    if self.pid is None:
                        raise EngineError(f"{self.name} ended at its start. {self.diagnosis()}")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise EngineError(
                f"{self.name} does not answer on port {self.port} after {_READY_SECONDS:.0f} s. {self.diagnosis()}"
            ) from None

    async def wait(self) -> int:
        """Wait until the child ends, and return its exit status."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self) -> None:
        """Stop the child with SIGTERM, after 5 s with SIGKILL; returns when it is gone."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._end_with(signal.SIGTERM)
        except TimeoutError:
            pass  # `kill` below ends it
        finally:
            await self.kill()

    async def kill(self) -> None:
        """Kill the child with SIGKILL; returns when it is gone."""
        await self._end_with(signal.SIGKILL)

    async def _end_with(self, signal_number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal_number)
            await process.wait()

    def last_line(self) -> str:
        """Return the last line of the engine's log, or an empty string."""
        return last_line(self.log)

    def diagnosis(self) -> str:
        """Return a sentence with the last line of the engine's log and the log's path."""
        return f"Its last words: {self.last_line() or 'none'} (all of them: {self.log})"

    async def __aenter__(self) -> Self:
        """Call `start`."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Call `stop`."""
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
