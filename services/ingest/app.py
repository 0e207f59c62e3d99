"""Ingest, put together: what it owns, in the order in which it is opened."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from services.ingest.chunk_store import ChunkStore
from services.ingest.chunks import chunk_routes
from services.ingest.finalize import Finalizer
from services.ingest.outbox import Outbox
from services.ingest.receive import ChunkReceiver
from services.ingest.results import Results
from services.ingest.seal import Sealer
from services.ingest.session_index import SessionIndex
from services.ingest.sessions import session_routes
from services.ingest.settings import IngestSettings
from services.ingest.status import StatusReader
from services.ingest.sweep import sweep_regularly
from shared.auth.authenticator import create_authenticator
from shared.bus import open_bus
from shared.http.body import BodyLimits
from shared.http.service import Service, WhileRunning, assemble_service
from shared.metrics import Metrics
from shared.objects import open_store
from shared.spool import Spool
from shared.tasks import owned_tasks


@dataclass(slots=True)
class _UseCases:
    receiver: ChunkReceiver
    finalizer: Finalizer
    status: StatusReader


def create_service(settings: IngestSettings, metrics: Metrics) -> Service:
    """Return ingest as an application; it takes chunks while the bus and the store are away."""
    spool = Spool(settings.local_temp_chunk_path)
    cases = WhileRunning[_UseCases]()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = await _open(stack, settings, spool, metrics)
            with cases.holding(opened):
                yield

    async def disk() -> str | None:
        try:
            free = await asyncio.to_thread(spool.free_fraction)
        except OSError:
            return "the spool can't be reached: check LOCAL_TEMP_CHUNK_PATH"
        return "the spool's disk is nearly full" if free * 100 < settings.min_free_disk else None

    limits = BodyLimits(size=settings.max_chunk_size, idle=settings.body_idle_seconds)
    routes = [
        *chunk_routes(lambda: cases().receiver, lambda: cases().finalizer, limits),
        *session_routes(lambda: cases().status),
    ]
    return assemble_service(
        "ingest",
        routes=routes,
        lifespan=lifespan,
        checks=[disk],
        metrics=metrics,
        authenticator=create_authenticator(settings.token_checks(), metrics),
        origins=settings.origins(),
    )


async def _open(stack: AsyncExitStack, settings: IngestSettings, spool: Spool, metrics: Metrics) -> _UseCases:
    """Open from the disk outwards: the spool must work, the bus and the store may come later."""
    executor = ThreadPoolExecutor(settings.spool_threads, thread_name_prefix="spool")
    stack.callback(executor.shutdown)
    await asyncio.to_thread(spool.prepare)
    bus = await stack.enter_async_context(open_bus(settings.bus(), service="ingest", metrics=metrics))
    store = await stack.enter_async_context(open_store(settings.store()))
    sessions = SessionIndex()
    chunks = ChunkStore(
        spool, sessions, max_session_size=settings.max_session_size, min_free_percent=settings.min_free_disk
    )
    outbox = Outbox(spool, executor, bus, metrics)
    results = Results(bus)
    await stack.enter_async_context(owned_tasks(outbox.run(), results.run(), sweep_regularly(spool, executor)))
    return _UseCases(
        receiver=ChunkReceiver(spool, chunks, executor, bus, metrics),
        finalizer=Finalizer(spool, Sealer(spool, sessions), outbox, results, executor, settings.finalize_wait_seconds),
        status=StatusReader(spool, executor, bus, store),
    )
