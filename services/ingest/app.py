"""Ingest's application: its routes, its lifespan and its readiness check."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from services.ingest.call_recordings.routes import ROUTES as CALL_RECORDINGS
from services.ingest.documents.routes import ROUTES as DOCUMENTS
from services.ingest.indexed_uploads.routes import ROUTES as INDEXED_UPLOADS
from services.ingest.lifespan import IngestState, open_ingest
from services.ingest.raw_chunks.routes import ROUTES as RAW_CHUNKS
from services.ingest.sessions.routes import ROUTES as SESSIONS
from services.ingest.settings import IngestSettings
from shared.auth.authenticator import create_authenticator
from shared.observability.metrics import Metrics
from shared.runtime.service import Service, create_service_app
from shared.storage.spool import Spool


def create_service(settings: IngestSettings, metrics: Metrics) -> Service:
    """Return ingest as a service; it takes chunks while the bus and the object store are unreachable."""
    spool = Spool(settings.local_temp_chunk_path)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[IngestState]:
        async with AsyncExitStack() as stack:
            yield await open_ingest(stack, settings, spool, metrics)

    async def disk_check(_state: Mapping[str, Any]) -> str | None:
        try:
            free = await asyncio.to_thread(spool.free_disk_fraction)
        except OSError:
            return "the spool can't be reached: check LOCAL_TEMP_CHUNK_PATH"
        return "the spool's disk is nearly full" if free * 100 < settings.min_free_disk else None

    return create_service_app(
        "ingest",
        routes=[*RAW_CHUNKS, *INDEXED_UPLOADS, *CALL_RECORDINGS, *DOCUMENTS, *SESSIONS],
        lifespan=lifespan,
        checks=[disk_check],
        metrics=metrics,
        authenticator=create_authenticator(settings.jwt_config(), metrics),
        origins=settings.origin_policy(),
    )
