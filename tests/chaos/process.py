"""One service as a process that is killed and started again, each time with other failpoints."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.environment import clean_environment

_ASK_EVERY = 0.05
_WORK = {
    "ingest": b'"status": 200',
    "assembler": b'"outcome": "done"',
    "analyzer": b'"outcome": "done"',
    "notifier": b"following the event stream",
}
_START_SECONDS = 60.0
_REPOSITORY = Path(__file__).parents[2]


class ChaosProcess:
    """`services.<name>`, forked by its nursery; it may be started again whenever it has ended.

    What it says goes through a pipe, so that a full disk does not silence it, and tells whether it has `worked`.
    """

    def __init__(self, name: str, port: int, folder: Path, settings: Mapping[str, str]) -> None:
        self.name = name
        self.port = port
        self.log = folder / f"{name}.log"
        self.pid: int | None = None
        self.worked = asyncio.Event()
        ours = {"PYTHONPATH": str(_REPOSITORY), "LOG_FORMAT": "json", "PORT": str(port)}
        self._environment = {**clean_environment(os.environ), **ours, **settings}
        self._nursery: asyncio.subprocess.Process | None = None
        self._writing: asyncio.Task[None] | None = None
        self._ended: asyncio.Task[int] | None = None

    async def __aenter__(self) -> Self:
        """Start the nursery; the service starts with `start`, and both are gone after the block."""
        pipe = asyncio.subprocess.PIPE
        self._nursery = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.fork_server", self.name),
            cwd=self.log.parent,  # where no developer's `.env` is
            env={**self._environment, "OPENBLAS_NUM_THREADS": "1"},  # threads do not outlive a fork
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        self._writing = asyncio.create_task(self._keep_log(self._nursery), name=f"{self.name}-log")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pid is not None:
            await self.end(signal.SIGKILL)
        assert self._nursery is not None
        assert self._writing is not None
        with suppress(ProcessLookupError):
            self._nursery.kill()
        await self._nursery.wait()
        await self._writing

    async def start(self, failpoints: str = "") -> bool:
        """Start it and wait until it answers; returns whether it lived to do so."""
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        if self._ended is None:
            assert await self._say() == "ready"
        environment = {**self._environment, "FAILPOINTS": failpoints}
        self._nursery.stdin.write(json.dumps(environment).encode() + b"\n")
        self.pid = int(await self._say())
        self.worked.clear()
        self._ended = asyncio.create_task(self._end())
        async with asyncio.timeout(_START_SECONDS):
            while self.pid is not None and not await self.answers("/livez"):
                await asyncio.sleep(_ASK_EVERY)
        return self.pid is not None

    async def works_within(self, seconds: float) -> None:
        """Wait until it has done something since its start, but no longer than that or its end."""
        assert self._ended is not None, "not started"
        working = asyncio.ensure_future(self.worked.wait())
        try:
            await asyncio.wait((working, self._ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()

    async def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself in that time."""
        assert self._ended is not None, "not started"
        await asyncio.wait([self._ended], timeout=seconds)
        return self._ended.done()

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, wait for its end and return its status, negative for a signal's."""
        assert self._ended is not None, "not started"
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
        async with asyncio.timeout(30):
            return await self._ended

    async def _end(self) -> int:
        status = int(await self._say())
        self.pid = None
        return status

    async def _say(self) -> str:
        """Return the nursery's next line."""
        assert self._nursery is not None
        assert self._nursery.stdout is not None
        line = await self._nursery.stdout.readline()
        assert line, f"the nursery of {self.name} ended: see {self.log}"
        return line.decode().strip()

    async def _keep_log(self, nursery: asyncio.subprocess.Process) -> None:
        assert nursery.stderr is not None
        with self.log.open("ab", buffering=0) as log:
            while piece := await nursery.stderr.read(65536):
                log.write(piece)
                if _WORK[self.name] in piece:
                    self.worked.set()

    async def answers(self, path: str) -> bool:
        """Whether it answers 200 there; cheaper than a client of httpx, which is made hundreds of times."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        except OSError:
            return False
        finally:
            writer.close()
