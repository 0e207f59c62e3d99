"""Indexed uploads with a main service: `POST /upload/init`, `chunk` and `complete` (docs/contracts.md, section 3)."""

from typing import TypedDict

from starlette.requests import Request
from starlette.responses import Response

from services.ingest.api.accepted import accepted_headers, prefers_async, status_url
from services.ingest.api.filenames import safe_filename
from services.ingest.indexed_uploads.completion import CompletedUpload, UploadCompleter
from services.ingest.indexed_uploads.request import SESSION_FIELD, UploadChunkRequest
from services.ingest.indexed_uploads.schemas import (
    CHUNK,
    COMPLETE,
    INIT,
    UPLOADS,
    ChunkUploaded,
    CompleteRequest,
    InitRequest,
    UploadCompleted,
    UploadedFile,
    UploadOpened,
    UploadProcessing,
    UploadSession,
)
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.session_state.opened_sessions import OpenedSessions
from shared.domain.caller import Caller, Permission
from shared.domain.identifiers import SessionKey, parse_identifier
from shared.domain.upload_kind import IndexedUpload
from shared.http.body import BodyLimits, declared_size, read_json
from shared.http.responses import json_response


class IndexedUploadsState(TypedDict):
    """What the handlers use of the lifespan state."""

    opened_sessions: OpenedSessions
    intake: ChunkIntake
    upload_completer: UploadCompleter
    chunk_limits: BodyLimits
    json_limits: BodyLimits


async def init_upload(request: Request[IndexedUploadsState], caller: Caller) -> Response:
    """Open an upload under an id that the server generates."""
    body = await read_json(request, InitRequest, request.state["json_limits"])
    filename = safe_filename(body.original_file_name)
    kind = IndexedUpload(
        main_service_file_id=body.main_service_file_id, filename=filename, given_name=body.original_file_name
    )
    key = await request.state["opened_sessions"].create(caller.tenant, kind)
    return json_response(UploadOpened(data=UploadSession(upload_session_id=key.session)))


async def upload_chunk(request: Request[IndexedUploadsState], caller: Caller) -> Response:
    """Store one chunk, as a raw session's is; the form tells which upload and index it belongs to."""
    intake, limits = request.state["intake"], request.state["chunk_limits"]
    with intake.reserve(caller.tenant, min(declared_size(request), limits.size)) as reservation:
        chunk = UploadChunkRequest(request, caller.tenant, request.state["opened_sessions"], limits)
        await intake.precheck(reservation, None, 0, immediate=chunk.immediate)
        async with intake.stage(reservation) as staged:
            async for piece in chunk.pieces():
                await staged.write(piece)
                del piece  # written: not to be held while the next one is awaited
            stored = await intake.commit(await chunk.target(), staged)
        await intake.publish(stored)
    return json_response(ChunkUploaded())


async def complete_upload(request: Request[IndexedUploadsState], caller: Caller) -> Response:
    """Complete an upload; 202 when its file takes longer than `FINALIZE_WAIT_SECONDS`."""
    body = await read_json(request, CompleteRequest, request.state["json_limits"])
    key, completed = await request.state["upload_completer"].complete(
        caller.tenant,
        parse_identifier(body.upload_session_id, SESSION_FIELD),
        file_id=body.main_service_file_id,
        total_chunks=body.total_chunks,
        wait=not prefers_async(request),
    )
    return _processing(key) if completed is None else json_response(_completed(completed))


_WRITE = Permission.AUDIO_WRITE

ROUTES = [
    UPLOADS.route("POST", "/upload/init", init_upload, required_permission=_WRITE, operation=INIT),
    UPLOADS.route("POST", "/upload/chunk", upload_chunk, required_permission=_WRITE, operation=CHUNK, frequent=True),
    UPLOADS.route("POST", "/upload/complete", complete_upload, required_permission=_WRITE, operation=COMPLETE),
]


def _completed(completion: CompletedUpload) -> UploadCompleted:
    return UploadCompleted(
        message="File upload completed and main service notified." if completion.notified else "File upload completed.",
        data=UploadedFile(file_path_on_upload_service=completion.original.url),
    )


def _processing(key: SessionKey) -> Response:
    processing = UploadProcessing(session_id=key.session, status_url=status_url(key))
    return json_response(processing, 202, accepted_headers(key))
