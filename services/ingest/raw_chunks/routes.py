"""Raw chunk sessions: `POST /upload_chunk/{session_id}`, `POST /finalize/{session_id}` (docs/contracts.md, section 1).

`upload_chunk` has all steps of a chunk from request to response, in order.
"""

from typing import TypedDict

from starlette.requests import Request
from starlette.responses import Response

from services.ingest.api.accepted import accepted_response, prefers_async
from services.ingest.api.session_resource import SESSIONS, check_lead_access, session_key
from services.ingest.finalization.finalizer import Finalizer
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


class RawChunksState(TypedDict):
    """What the handlers use of the lifespan state."""

    opened_sessions: OpenedSessions
    used_ids: UsedSessionIds
    intake: ChunkIntake
    finalizer: Finalizer
    chunk_limits: BodyLimits


async def upload_chunk(request: Request[RawChunksState], caller: Caller) -> Response:
    """Store one chunk; a 200 means that its bytes survive `kill -9` and power loss."""
    state, intake, limits = request.state, request.state["intake"], request.state["chunk_limits"]
    key = await _session_of(request, caller)
    await state["used_ids"].check_unused(key, caller)
    with intake.reserve(caller.tenant, min(declared_size(request), limits.size)) as reservation:
        chunk = ChunkRequest(request, key, limits)
        await intake.precheck(reservation, key, chunk.declared_size, immediate=chunk.immediate)
        async with intake.stage(reservation) as staged:
            async for piece in chunk.pieces():
                await staged.write(piece)
                del piece  # written: not to be held while the next one is awaited
            stored = await intake.commit(chunk.target(), staged)
        await intake.publish(stored)
    return json_response(
        ChunkStored(
            session_id=key.session,
            chunk_size=stored.size,
            total_chunks=stored.total_chunks,
            chunk_index=stored.index,
        )
    )


async def finalize(request: Request[RawChunksState], caller: Caller) -> Response:
    """Finalize a session; 202 when its WAV takes longer than `FINALIZE_WAIT_SECONDS`."""
    key = await _session_of(request, caller)
    outcome = await request.state["finalizer"].finalize(key, wait=not prefers_async(request))
    return accepted_response(key) if outcome is None else json_response(_finalized(key, outcome))


ROUTES = [
    SESSIONS.route(
        "POST",
        f"/upload_chunk/{{session_id:{ANY_TEXT}}}",
        upload_chunk,
        required_permission=Permission.AUDIO_WRITE,
        operation=UPLOAD_CHUNK,
        frequent=True,
    ),
    SESSIONS.route(
        "POST",
        f"/finalize/{{session_id:{ANY_TEXT}}}",
        finalize,
        required_permission=Permission.AUDIO_WRITE,
        operation=FINALIZE,
    ),
]


async def _session_of(request: Request[RawChunksState], caller: Caller) -> SessionKey:
    """Return the session of a request; raises NotFound for another lead's, before any body is read."""
    key = session_key(request, caller)
    if caller.leads is not None:  # callers with access to every lead need no read of the disk
        check_lead_access(caller, await request.state["opened_sessions"].lead_of_session(key))
    return key


def _finalized(key: SessionKey, outcome: Envelope) -> Finalized:
    match outcome.event:
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
