"""The two engines together: started side by side on their kept ports, and stopped last of all."""

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
    """The engines of this machine; None for one that runs elsewhere."""

    nats: NatsServer | None
    store: RcloneStore | None

    def ours(self) -> Sequence[Engine]:
        """Return those that we run."""
        return [engine for engine in (self.nats, self.store) if engine is not None]


def choose_engines(folder: DataFolder, *, nats: bool, store: bool) -> Engines:
    """Return the engines that are wanted, not started yet; raises DataFolderError."""
    kept = load_or_choose_addresses(folder)
    return Engines(
        NatsServer(folder.nats, kept.nats_port, log=folder.log("nats-server")) if nats else None,
        RcloneStore(folder.objects, kept.store_port, kept.store_keys, log=folder.log("rclone")) if store else None,
    )


@asynccontextmanager
async def started(engines: Engines, folder: DataFolder, *, patience: float = 10.0) -> AsyncIterator[None]:
    """Start the engines, and stop them at the end; raises EngineError with none of them left running.

    `patience` in seconds is what a killed predecessor's engines may take to let go of their ports.
    """
    async with AsyncExitStack() as stack:
        for engine in engines.ours():
            stack.push_async_callback(engine.stop)
        await _start_all(engines.ours(), folder, patience)
        yield


async def _start_all(engines: Sequence[Engine], folder: DataFolder, patience: float) -> None:
    """Start side by side; of several failures the first is raised, since one is enough to act on."""
    try:
        async with asyncio.TaskGroup() as starts:
            for engine in engines:
                starts.create_task(_start_on_kept_port(engine, folder, patience))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _start_on_kept_port(engine: Engine, folder: DataFolder, patience: float) -> None:
    if not await becomes_free(engine.port, within=patience):
        raise EngineError(
            f"Port {engine.port}, on which {engine.name} was reached so far, is taken by another program: "
            f"stop that program, or give {engine.name} another port in {folder.addresses}."
        )
    await engine.start()
