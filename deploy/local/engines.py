"""Starts the two engines side by side on their stored ports, and stops them last of all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from deploy.local.data_folder import DataFolder
from deploy.local.engine import Engine, EngineError
from deploy.local.engine_config import load_or_choose_addresses
from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from deploy.local.ports import becomes_free


@dataclass(frozen=True, slots=True)
class Engines:
    """The embedded engines; None for one that is configured elsewhere."""

    nats: NatsServer | None
    store: RcloneStore | None

    def embedded(self) -> Sequence[Engine]:
        """Return the engines that run here."""
        return [engine for engine in (self.nats, self.store) if engine is not None]


def choose_engines(folder: DataFolder, *, nats: bool, store: bool) -> Engines:
    """Return the requested engines, not started yet; raises DataFolderError."""
    stored = load_or_choose_addresses(folder)
    return Engines(
        NatsServer(folder.nats, stored.nats_port, log=folder.log("nats-server")) if nats else None,
        RcloneStore(folder.objects, stored.store_port, stored.store_keys, log=folder.log("rclone")) if store else None,
    )


@asynccontextmanager
async def started(engines: Engines, folder: DataFolder, *, port_timeout: float = 10.0) -> AsyncIterator[None]:
    """Start the engines, and stop them at the block's end; raises EngineError with none of them left running.

    `port_timeout` is how many seconds the engines of a killed instance may take to release their ports.
    """
    async with AsyncExitStack() as stack:
        for engine in engines.embedded():
            stack.push_async_callback(engine.stop)
        await _start_all(engines.embedded(), folder, port_timeout)
        yield


async def _start_all(engines: Sequence[Engine], folder: DataFolder, port_timeout: float) -> None:
    """Start the engines side by side; of several failures only the first is raised: one is enough to act on."""
    try:
        async with asyncio.TaskGroup() as starts:
            for engine in engines:
                starts.create_task(_start_on_stored_port(engine, folder, port_timeout))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _start_on_stored_port(engine: Engine, folder: DataFolder, port_timeout: float) -> None:
    if not await becomes_free(engine.port, within=port_timeout):
        raise EngineError(
            f"Port {engine.port}, on which {engine.name} was reached so far, is taken by another program: "
            f"stop that program, or give {engine.name} another port in {folder.addresses}."
        )
    await engine.start()
