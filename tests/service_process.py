"""One service as production runs it: a process of its own."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.environment import clean_environment
from tests.program import Program, start_program
from tests.waiting import until


class ServiceProcess:
    """`python -m services.<name>` with exactly these settings; its log lies in `folder`."""

    def __init__(self, service: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.base_url = f"http://127.0.0.1:{settings['PORT']}"
        self._service = service
        self._log = folder / f"{service}.log"
        self._settings = settings
        self._process: Program | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    async def start(self) -> None:
        """Start the process and wait until it answers at all; readiness is the caller's matter."""
        with self._log.open("ab") as log:
            environment = {**clean_environment(os.environ), "LOG_FORMAT": "json", **self._settings}
            self._process = await start_program(f"services.{self._service}", environment=environment, stderr=log)
        await until(lambda: self._answers("/livez"), within=60, what=f"{self._service} to answer")

    async def ready(self) -> None:
        """Wait until the service can do its job."""
        await until(lambda: self._answers("/readyz"), within=60, what=f"{self._service} to be ready")

    async def connected_to_bus(self) -> None:
        """Wait until the service has reached its bus."""
        await until(self._tells_of_bus, within=60, what=f"{self._service} to reach its bus")

    async def kill(self) -> None:
        """End the process as a crash would."""
        await self._end(signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until the process has ended by itself, as at a failpoint."""
        assert self._process is not None, "not started"
        async with asyncio.timeout(60):
            await self._process.wait()

    async def stop(self) -> int:
        """End the process as an orchestrator would; returns its status."""
        return await self._end(signal.SIGTERM)

    def log(self) -> str:
        """Return the end of what it wrote."""
        return self._log.read_text()[-3000:]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            assert await self.stop() == 0, self.log()
        else:
            await self.kill()

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None, "not started"
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(30):
            return await self._process.wait()

    async def _tells_of_bus(self) -> bool:
        async with httpx.AsyncClient(base_url=self.base_url) as client:
            return f'bus_connected{{service="{self._service}"}} 1.0' in (await client.get("/metrics")).text

    async def _answers(self, path: str) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log()
        async with httpx.AsyncClient(base_url=self.base_url) as client:
            try:
                return (await client.get(path)).status_code == 200
            except httpx.TransportError:
                return False
