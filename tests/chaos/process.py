"""A service as a process that is killed and started again, each time with other failpoints."""

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

_POLL_SECONDS = 0.05
_WORK = {
    "ingest": b'"status": 200',
    "assembler": b'"outcome": "done"',
    "analyzer": b'"outcome": "done"',
    "notifier": b"following the event stream",
}
_START_SECONDS = 60.0
_REPOSITORY = Path(__file__).parents[2]


class ChaosProcess:
    """`services.<name>`, forked by its fork server; it may be started again whenever it has ended.

    Its log goes through a pipe, so that a full disk does not stop it, and is watched for the line that sets `worked`.
    """

    def __init__(self, name: str, port: int, folder: Path, settings: Mapping[str, str]) -> None:
        self.name = name
        self.port = port
        self.log = folder / f"{name}.log"
        self.pid: int | None = None
        self.worked = asyncio.Event()
        own = {"PYTHONPATH": str(_REPOSITORY), "LOG_FORMAT": "json", "PORT": str(port)}
        self._environment = {**clean_environment(os.environ), **own, **settings}
        self._fork_server: asyncio.subprocess.Process | None = None
        self._writing: asyncio.Task[None] | None = None
        self._ended: asyncio.Task[int] | None = None

    async def __aenter__(self) -> Self:
        """Start the fork server; the service starts with `start`, and both are gone after the block."""
        pipe = asyncio.subprocess.PIPE
        self._fork_server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.fork_server", self.name),
            cwd=self.log.parent,  # a folder without a developer's `.env`
            env={**self._environment, "OPENBLAS_NUM_THREADS": "1"},  # threads do not outlive a fork
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        self._writing = asyncio.create_task(self._keep_log(self._fork_server), name=f"{self.name}-log")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pid is not None:
            await self.end(signal.SIGKILL)
        assert self._fork_server is not None
        assert self._writing is not None
        with suppress(ProcessLookupError):
            self._fork_server.kill()
        await self._fork_server.wait()
        await self._writing

    async def start(self, failpoints: str = "") -> bool:
        """Start the service and wait for its first response; returns False if it ended before."""
        assert self._fork_server is not None
        assert self._fork_server.stdin is not None
        if self._ended is None:
            assert await self._read_line() == "ready"
        environment = {**self._environment, "FAILPOINTS": failpoints}
        self._fork_server.stdin.write(json.dumps(environment).encode() + b"\n")
        self.pid = int(await self._read_line())
        self.worked.clear()
        self._ended = asyncio.create_task(self._wait())
        async with asyncio.timeout(_START_SECONDS):
            while self.pid is not None and not await self.answers("/livez"):
                await asyncio.sleep(_POLL_SECONDS)
        return self.pid is not None

    async def works_within(self, seconds: float) -> None:
        """Wait until it has done a piece of work since its start, at most so long and at most until its end."""
        assert self._ended is not None, "not started"
        working = asyncio.ensure_future(self.worked.wait())
        try:
            await asyncio.wait((working, self._ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()

    async def ends_within(self, seconds: float) -> bool:
        """Wait at most so long for its end; returns whether it ended by itself."""
        assert self._ended is not None, "not started"
        await asyncio.wait([self._ended], timeout=seconds)
        return self._ended.done()

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end and return the exit status, negative for a signal."""
        assert self._ended is not None, "not started"
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
        async with asyncio.timeout(30):
            return await self._ended

    async def _wait(self) -> int:
        status = int(await self._read_line())
        self.pid = None
        return status

    async def _read_line(self) -> str:
        """Return the fork server's next line."""
        assert self._fork_server is not None
        assert self._fork_server.stdout is not None
        line = await self._fork_server.stdout.readline()
        assert line, f"the fork server of {self.name} ended: see {self.log}"
        return line.decode().strip()

    async def _keep_log(self, fork_server: asyncio.subprocess.Process) -> None:
        assert fork_server.stderr is not None
        with self.log.open("ab", buffering=0) as log:
            while piece := await fork_server.stderr.read(65536):
                log.write(piece)
                if _WORK[self.name] in piece:
                    self.worked.set()

    async def answers(self, path: str) -> bool:
        """Whether a GET of `path` returns 200; cheaper than an httpx client, which would be made hundreds of times."""
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
