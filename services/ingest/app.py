"""Ingest, put together: its routes, its use cases while it runs, its readiness."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from services.ingest.call_recordings.routes import recording_routes
from services.ingest.documents.routes import DirectUploadPolicy, document_routes
from services.ingest.indexed_uploads.routes import upload_routes
from services.ingest.lifespan import UseCases, open_ingest
from services.ingest.raw_chunks.routes import chunk_routes
from services.ingest.sessions.routes import session_routes
from services.ingest.settings import IngestSettings
from shared.auth.authenticator import create_authenticator
from shared.observability.metrics import Metrics
from shared.runtime.service import Service, WhileRunning, create_service_app
from shared.storage.spool import Spool


def create_service(settings: IngestSettings, metrics: Metrics) -> Service:
    """Return ingest as an application; it takes chunks while the bus and the store are away."""
    spool = Spool(settings.local_temp_chunk_path)
    cases = WhileRunning[UseCases]()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = await open_ingest(stack, settings, spool, metrics)
            with cases.holding(opened):
                yield

    async def disk() -> str | None:
        try:
            free = await asyncio.to_thread(spool.free_disk_fraction)
        except OSError:
            return "the spool can't be reached: check LOCAL_TEMP_CHUNK_PATH"
        return "the spool's disk is nearly full" if free * 100 < settings.min_free_disk else None

    limits = settings.body_limits(settings.max_chunk_size)
    routes = [
        *chunk_routes(cases, limits),
        *upload_routes(cases, limits),
        *recording_routes(lambda: cases().recordings),
        *document_routes(
            lambda: cases().documents,
            DirectUploadPolicy(enabled=settings.cloudflare_r2_enable_direct_upload, configured=settings.names_store),
            limits=limits,
        ),
        *session_routes(lambda: cases().status, lambda: cases().eraser),
    ]
    return create_service_app(
        "ingest",
        routes=routes,
        lifespan=lifespan,
        checks=[disk],
        metrics=metrics,
        authenticator=create_authenticator(settings.jwt_config(), metrics),
        origins=settings.origin_policy(),
    )
