"""The assembler's application: its queue and what that needs, opened in order and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypedDict

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
from shared.runtime.service import Service, create_service_app
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.spool import Spool

SERVICE = "assembler"


class AssemblerState(TypedDict):
    """The lifespan state: what the readiness checks use."""

    bus: Bus
    store: ObjectStore


def create_service(settings: AssemblerSettings, metrics: Metrics) -> Service:
    """Return the assembler as a service: health over HTTP, its work from the queue."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[AssemblerState]:
        async with AsyncExitStack() as stack:
            yield await open_assembler(stack, settings, metrics)

    return create_service_app(
        SERVICE,
        routes=[],
        lifespan=lifespan,
        checks=[lambda state: state["bus"].check(), lambda state: state["store"].check()],
        metrics=metrics,
        authenticator=create_authenticator(settings.jwt_config(), metrics),
        origins=settings.origin_policy(),
    )


async def open_assembler(stack: AsyncExitStack, settings: AssemblerSettings, metrics: Metrics) -> AssemblerState:
    """Open what jobs need, then the queue, which uses all of it and therefore stops first."""
    spool = Spool(settings.local_temp_chunk_path)
    await asyncio.to_thread(spool.prepare)
    store = await stack.enter_async_context(open_store(settings.store()))
    bus = await stack.enter_async_context(open_bus(settings.bus_config(), service=SERVICE, metrics=metrics))
    assembler = Assembler(spool, store, settings.decode_policy(), settings.store_folder)
    events = open_event_store(bus, store, replicas=settings.nats_replicas)
    queue = WorkQueue(bus, _policy(settings), AssemblyWorker(spool, events, assembler), metrics)
    await stack.enter_async_context(background_tasks(*queue.workers()))
    return AssemblerState(bus=bus, store=store)


def _policy(settings: AssemblerSettings) -> QueuePolicy:
    return QueuePolicy(
        durable=SERVICE,
        subject=event_filter(SessionFinalized.NAME),
        concurrency=settings.assembler_concurrency,
        max_tries=settings.assembler_tries,
        first_retry=settings.assembler_retry_seconds,
        ack_wait=settings.redelivery_seconds,
    )
