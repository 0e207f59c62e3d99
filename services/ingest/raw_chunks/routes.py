"""Raw chunk sessions: `POST /upload_chunk/{session_id}` and `POST /finalize/{session_id}` (contracts, section 1)."""

from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.ingest.api.accepted import accepted_response, prefers_async
from services.ingest.api.session_resource import SESSIONS, check_lead_access, session_key
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.intake.admission import Admission
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.raw_chunks.request import ChunkRequest
from services.ingest.raw_chunks.schemas import FINALIZE, UPLOAD_CHUNK, ChunkStored, Finalized
from services.ingest.raw_chunks.used_session_ids import UsedSessionIds
from services.ingest.session_state.opened_sessions import OpenedSessions
from shared.domain.caller import Caller, Permission
from shared.domain.envelope import Envelope
from shared.domain.errors import Permanent
from shared.domain.events import AudioFailed, AudioReady
from shared.domain.identifiers import SessionKey
from shared.http.body import BodyLimits, declared_size
from shared.http.paths import ANY_TEXT
from shared.http.responses import json_response


class ChunkCases(Protocol):
    """The use cases that the routes call."""

    @property
    def openings(self) -> OpenedSessions:
        """Tells what a session was opened for."""

    @property
    def used_ids(self) -> UsedSessionIds:
        """Tells ids that had their session long ago."""

    @property
    def admission(self) -> Admission:
        """Lets uploads in."""

    @property
    def receiver(self) -> ChunkIntake:
        """Takes chunks."""

    @property
    def finalizer(self) -> Finalizer:
        """Finalizes sessions."""


def chunk_routes(cases: Callable[[], ChunkCases], limits: BodyLimits) -> list[BaseRoute]:
    """Return the two routes; the use cases exist only while the service's lifespan runs, hence the callable."""

    async def session_of(request: Request, caller: Caller) -> SessionKey:
        """Read which session a request is about; raises NotFound for another lead's, before any body is read."""
        key = session_key(request, caller)
        if caller.leads is not None:  # a look at the disk that the others' chunks are spared
            check_lead_access(caller, await cases().openings.lead_of_session(key))
        return key

    async def upload_chunk(request: Request, caller: Caller) -> Response:
        key = await session_of(request, caller)
        await cases().used_ids.check_unused(key, caller)
        with cases().admission.reserve(caller.tenant, min(declared_size(request), limits.size)) as arrival:
            chunk = await cases().receiver.receive(ChunkRequest(request, key, limits), arrival)
        return json_response(
            ChunkStored(
                session_id=key.session,
                chunk_size=chunk.size,
                total_chunks=chunk.total_chunks,
                chunk_index=chunk.index,
            )
        )

    async def finalize(request: Request, caller: Caller) -> Response:
        key = await session_of(request, caller)
        ended = await cases().finalizer.finalize(key, wait=not prefers_async(request))
        return accepted_response(key) if ended is None else json_response(_finalized(key, ended))

    write = Permission.AUDIO_WRITE
    return [
        SESSIONS.route(
            "POST",
            f"/upload_chunk/{{session_id:{ANY_TEXT}}}",
            upload_chunk,
            required_permission=write,
            operation=UPLOAD_CHUNK,
        ),
        SESSIONS.route(
            "POST", f"/finalize/{{session_id:{ANY_TEXT}}}", finalize, required_permission=write, operation=FINALIZE
        ),
    ]


def _finalized(key: SessionKey, ended: Envelope) -> Finalized:
    match ended.event:
        case AudioReady() as audio:
            return Finalized(
                session_id=key.session,
                url=audio.url,
                filename=audio.filename,
                size_bytes=audio.size_bytes,
                sha256=audio.sha256,
                duration_seconds=audio.duration_seconds,
                warnings=audio.warnings,
            )
        case AudioFailed() as failed:
            raise Permanent(failed.reason, code=failed.code)
        case other:
            raise TypeError(f"a session does not end with {other.NAME}")
