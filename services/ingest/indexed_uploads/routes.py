"""Indexed uploads with a main service: `POST /upload/init`, `chunk` and `complete` (contracts, section 3)."""

from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

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
from services.ingest.intake.admission import Admission
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.session_state.opened_sessions import OpenedSessions
from shared.domain.caller import Caller, Permission
from shared.domain.identifiers import SessionKey, parse_identifier
from shared.domain.upload_kind import IndexedUpload
from shared.http.body import BodyLimits, declared_size, read_json
from shared.http.responses import json_response

_JSON_SIZE = 64 * 1024


class UploadCases(Protocol):
    """The use cases that the routes call."""

    @property
    def openings(self) -> OpenedSessions:
        """Opens uploads."""

    @property
    def admission(self) -> Admission:
        """Lets uploads in."""

    @property
    def receiver(self) -> ChunkIntake:
        """Takes their chunks."""

    @property
    def uploads(self) -> UploadCompleter:
        """Completes them."""


def upload_routes(cases: Callable[[], UploadCases], limits: BodyLimits) -> list[BaseRoute]:
    """Return the three routes; the use cases exist only while the service's lifespan runs, hence the callable."""
    json_limits = limits.with_size(_JSON_SIZE)

    async def init(request: Request, caller: Caller) -> Response:
        wanted = await read_json(request, InitRequest, json_limits)
        filename = safe_filename(wanted.original_file_name)
        purpose = IndexedUpload(
            main_service_file_id=wanted.main_service_file_id, filename=filename, given_name=wanted.original_file_name
        )
        key = await cases().openings.create(caller.tenant, purpose)
        return json_response(UploadOpened(data=UploadSession(upload_session_id=key.session)))

    async def chunk(request: Request, caller: Caller) -> Response:
        with cases().admission.reserve(caller.tenant, min(declared_size(request), limits.size)) as arrival:
            sent = UploadChunkRequest(request, caller.tenant, cases().openings, limits)
            await cases().receiver.receive(sent, arrival)
        return json_response(ChunkUploaded())

    async def complete(request: Request, caller: Caller) -> Response:
        wanted = await read_json(request, CompleteRequest, json_limits)
        key, completion = await cases().uploads.complete(
            caller.tenant,
            parse_identifier(wanted.upload_session_id, SESSION_FIELD),
            file_id=wanted.main_service_file_id,
            total_chunks=wanted.total_chunks,
            wait=not prefers_async(request),
        )
        return _processing(key) if completion is None else json_response(_completed(completion))

    write = Permission.AUDIO_WRITE
    return [
        UPLOADS.route("POST", "/upload/init", init, required_permission=write, operation=INIT),
        UPLOADS.route("POST", "/upload/chunk", chunk, required_permission=write, operation=CHUNK),
        UPLOADS.route("POST", "/upload/complete", complete, required_permission=write, operation=COMPLETE),
    ]


def _completed(completion: CompletedUpload) -> UploadCompleted:
    return UploadCompleted(
        message="File upload completed and main service notified." if completion.notified else "File upload completed.",
        data=UploadedFile(file_path_on_upload_service=completion.original.url),
    )


def _processing(key: SessionKey) -> Response:
    body = UploadProcessing(session_id=key.session, status_url=status_url(key))
    return json_response(body, 202, accepted_headers(key))
