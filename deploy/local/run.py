"""One run of the one-machine form: starts the engines, then the four services; stops them in reverse order."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import FrameType

import structlog

from deploy.local.app import OneMachine
from deploy.local.data_folder import DataFolder
from deploy.local.engine import Engine, EngineError
from deploy.local.engines import Engines, started
from deploy.local.server import Server
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import supervise
from shared.process.tasks import cancel_and_wait
from shared.runtime.server import server_config

log = structlog.stdlib.get_logger(__name__)

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRun:
    """The parts of one run; nothing of it is started yet."""

    app: OneMachine
    settings: LocalSettings
    listener: socket.socket
    folder: DataFolder
    engines: Engines

    async def until_stopped(self, announce: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM; calls `announce` once all four are ready.

        Raises EngineError when an engine does not start or does not stay up.
        """
        server = Server(server_config(self.app, self.settings))
        _stop_at_signals(server)
        async with started(self.engines, self.folder), self._background(server, announce):
            await server.serve(sockets=[self.listener])
        if server.failure is not None:
            raise server.failure

    @asynccontextmanager
    async def _background(self, server: Server, announce: Callable[[], None]) -> AsyncIterator[None]:
        """Run the engines' supervisors and the announcement beside the block; end them before the engines stop."""
        tasks = [asyncio.create_task(_supervise(engine, server)) for engine in self.engines.embedded()]
        tasks.append(asyncio.create_task(self._announce_when_ready(server, announce)))
        try:
            yield
        finally:
            await cancel_and_wait(tasks)

    async def _announce_when_ready(self, server: Server, announce: Callable[[], None]) -> None:
        await server.serving.wait()
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._until_ready()
        except TimeoutError:
            log.warning("serving, but not ready yet", reasons=await self.app.reasons())
            await self._until_ready()
        announce()

    async def _until_ready(self) -> None:
        while await self.app.reasons():
            await asyncio.sleep(_POLL_SECONDS)


async def _supervise(engine: Engine, server: Server) -> None:
    try:
        await supervise(engine)
    except EngineError as exc:
        server.fail(exc)


def _stop_at_signals(server: Server) -> None:
    """Cancel the start at a signal before the server serves; while it serves, the server handles signals itself.

    The server raises the signal once more when it has stopped; that one is ignored. SIGHUP (a closed terminal) stops
    in order, too.
    """
    loop = asyncio.get_running_loop()
    running = asyncio.current_task()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if running is not None and not server.should_exit:
            server.should_exit = True
            loop.call_soon_threadsafe(running.cancel)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under nohup
        signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))
