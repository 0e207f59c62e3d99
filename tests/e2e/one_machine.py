"""The one-machine form as its users run it: in its own process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.data_folder import DataFolder
from deploy.local.engine_config import Addresses
from deploy.local.welcome import READY
from tests.environment import clean_environment
from tests.processes import children_of
from tests.program import Program, start_program


class OneMachine:
    """`python -m deploy.local` on a free port, without the caller's environment variables that are its settings."""

    def __init__(self, data: Path, *, log: Path | None = None, **settings: str) -> None:
        self.folder = DataFolder(data)
        self.log = log or data.with_name(data.name + ".log")
        self.printed = ""
        self._environment = {
            **clean_environment(os.environ),
            "PORT": "0",
            "DATA_DIR": str(data),
            "LOG_FORMAT": "json",
            **settings,
        }
        self._process: Program | None = None

    @property
    def process(self) -> Program:
        assert self._process is not None, "not started"
        return self._process

    @property
    def address(self) -> str:
        """The server's base URL, as it printed it."""
        return self.printed.splitlines()[0].removeprefix(READY)

    @property
    def addresses(self) -> Addresses:
        return Addresses.model_validate_json(self.folder.addresses.read_bytes())

    async def __aenter__(self) -> Self:
        """Kill the process at the block's end if the test has not ended it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            await self.end(signal.SIGKILL)

    async def spawn(self) -> Self:
        """Start the process without waiting for it to be ready."""
        with self.log.open("ab") as log:
            self._process = await start_program("deploy.local", environment=self._environment, piped=True, stderr=log)
        return self

    async def start(self) -> Self:
        """Start the process and wait until it has printed that it is ready."""
        await self.spawn()
        await self.ready()
        return self

    async def ready(self) -> None:
        """Read its output up to the last line of the welcome."""
        self.printed = ""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while "Ctrl-C" not in self.printed:
                line = await self.process.stdout.readline()
                assert line, self.log.read_text()[-3000:]
                self.printed += line.decode()

    async def fails(self) -> int:
        """Start the process and wait until it ends by itself; returns its exit status."""
        await self.spawn()
        async with asyncio.timeout(30):
            return await self.process.wait()

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the process to end; returns its exit status."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(30):
            return await self.process.wait()

    def children(self) -> set[int]:
        """Return the process's live children."""
        return children_of(self.process.pid)


@asynccontextmanager
async def one_machine(data: Path) -> AsyncIterator[OneMachine]:
    """Run a one-machine form for the length of the block."""
    async with OneMachine(data) as machine:
        yield await machine.start()
        await machine.end(signal.SIGTERM)
