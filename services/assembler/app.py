"""The assembler, put together: what it owns, in the order in which it is opened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from services.assembler.assemble import Assembler
from services.assembler.settings import AssemblerSettings
from services.assembler.worker import AssemblyWorker
from shared.auth.authenticator import create_authenticator
from shared.catalog.event_store import open_event_store
from shared.domain.events import SessionFinalized
from shared.domain.subjects import event_filter
from shared.messaging.bus import Bus, open_bus
from shared.messaging.work_queue import QueuePolicy, WorkQueue
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks
from shared.runtime.service import Service, WhileRunning, create_service_app
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.spool import Spool

SERVICE = "assembler"


def create_service(settings: AssemblerSettings, metrics: Metrics) -> Service:
    """Return the assembler as an application: health over HTTP, its work from the queue."""
    bus = WhileRunning[Bus]()
    store = WhileRunning[ObjectStore]()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # The queue comes last, since it works with everything before it; it is the first to stop.
            spool = Spool(settings.local_temp_chunk_path)
            await asyncio.to_thread(spool.prepare)
            opened_store = await stack.enter_async_context(open_store(settings.store()))
            opened_bus = await stack.enter_async_context(
                open_bus(settings.bus_config(), service=SERVICE, metrics=metrics)
            )
            stack.enter_context(store.holding(opened_store))
            stack.enter_context(bus.holding(opened_bus))
            assembler = Assembler(spool, opened_store, settings.decode_policy(), settings.store_folder)
            chronicle = open_event_store(opened_bus, opened_store, replicas=settings.nats_replicas)
            worker = AssemblyWorker(spool, chronicle, assembler)
            queue = WorkQueue(opened_bus, _policy(settings), worker, metrics)
            await stack.enter_async_context(background_tasks(*queue.workers()))
            yield

    async def bus_check() -> str | None:
        return await bus().check()

    async def store_check() -> str | None:
        return await store().check()

    return create_service_app(
        SERVICE,
        routes=[],
        lifespan=lifespan,
        checks=[bus_check, store_check],
        metrics=metrics,
        authenticator=create_authenticator(settings.jwt_config(), metrics),
        origins=settings.origin_policy(),
    )


def _policy(settings: AssemblerSettings) -> QueuePolicy:
    return QueuePolicy(
        durable=SERVICE,
        subject=event_filter(SessionFinalized.NAME),
        concurrency=settings.assembler_concurrency,
        max_tries=settings.assembler_tries,
        first_retry=settings.assembler_retry_seconds,
        ack_wait=settings.redelivery_seconds,
    )
