"""`POST /api/leads/{lead_id}/recordings`, which means by its body what other families have several addresses for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.ingest.api.accepted import accepted_headers, prefers_async, status_url
from services.ingest.call_recordings.chunk_requests import JsonChunk, RecordingForm, RecordingLimits
from services.ingest.call_recordings.ids import call_log_id
from services.ingest.call_recordings.json_requests import (
    AppendChunk,
    FinalizeUpload,
    InitUpload,
    decoded_chunk,
    largest_json,
    read_action,
)
from services.ingest.call_recordings.schemas import (
    AppendedChunk,
    ChunkAppended,
    OpenedRecording,
    RecordingOpened,
    RecordingProcessing,
    RecordingUploaded,
    StoredRecording,
)
from services.ingest.call_recordings.uploads import (
    FinalizedUpload,
    LeadRef,
    RecordingUpload,
    RecordingUploads,
    recording_name,
)
from services.ingest.intake.admission import Admission, UploadReservation
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.intake.chunk_store import StoredChunk
from shared.domain.errors import Conflict, Unavailable, Unsupported
from shared.http.body import declared_size, media_type, reject_encoded_body
from shared.http.multipart import boundary_of
from shared.http.responses import JSON, json_response


class MemoryBudget:
    """`size` bytes to share; who finds too little left is sent away at once rather than made to wait."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Hold `size` bytes inside the block; raises Unavailable when they are not there."""
        if size > self._left:
            raise Unavailable("Too many large JSON documents at once: send this one again, or the chunk in a form.")
        self._left -= size
        try:
            yield
        finally:
            self._left += size


@dataclass(frozen=True, slots=True)
class RecordingUploadHandler:
    """Tells the bodies apart and answers each.

    `chunk_size` in bytes is what clients are advised; JSON, which must be there whole, shares `budget`.
    """

    uploads: RecordingUploads
    admission: Admission
    receiver: ChunkIntake
    limits: RecordingLimits
    chunk_size: int
    budget: MemoryBudget

    async def handle(self, request: Request, lead: LeadRef) -> Response:
        """Answer one request; the caller may write to `lead`."""
        reject_encoded_body(request)
        boundary = boundary_of(request.headers.get("content-type", ""))
        if boundary is not None:
            return await self._form(request, lead, boundary)
        if media_type(request) != JSON:
            raise Unsupported("Send multipart/form-data with a file, or application/json.", code="bad_content_type")
        return await self._json(request, lead)

    async def _json(self, request: Request, lead: LeadRef) -> Response:
        most = largest_json(self.limits.chunk)
        size = min(declared_size(request) or most, most)
        with self.budget.reserve(size), self.admission.reserve(lead.tenant, size) as arrival:
            asked = await read_action(request, self.limits.of_chunk)
            if isinstance(asked, AppendChunk):
                return await self._append(lead, asked, arrival)
        if isinstance(asked, InitUpload):
            return await self._init(lead, asked)
        return await self._finalize(request, lead, asked)

    async def _form(self, request: Request, lead: LeadRef, boundary: str) -> Response:
        form = RecordingForm(request, boundary, lead, self.limits, self.uploads)
        with self.admission.reserve(lead.tenant, min(declared_size(request), self.limits.recording)) as arrival:
            placed = await self.receiver.receive(form, arrival)
        assert form.upload is not None  # noqa: S101  # since it was placed
        return await self._stored(request, form.upload, 1) if form.whole else _appended(form.upload, placed)

    async def _init(self, lead: LeadRef, init: InitUpload) -> Response:
        upload = await self.uploads.open(lead, call_log_id(init.call_log_id), recording_name(init.filename))
        opened = OpenedRecording(
            upload_id=upload.key.session, message="Upload session initialized", chunk_size=self.chunk_size
        )
        return json_response(RecordingOpened(data=opened), 201)

    async def _append(self, lead: LeadRef, append: AppendChunk, arrival: UploadReservation) -> Response:
        upload = await self.uploads.find(lead, append.upload_id)
        chunk = JsonChunk(upload, append.chunk_index, await decoded_chunk(append.chunk, self.limits.chunk))
        return _appended(upload, await self.receiver.receive(chunk, arrival))

    async def _finalize(self, request: Request, lead: LeadRef, finalize: FinalizeUpload) -> Response:
        upload = await self.uploads.find(lead, finalize.upload_id)
        if call_log_id(finalize.call_log_id) != upload.recording.call_log:
            raise Conflict("The upload was initialized for another call_log_id.", code="other_call_log")
        return await self._stored(request, upload, finalize.total_chunks)

    async def _stored(self, request: Request, upload: RecordingUpload, total_chunks: int) -> Response:
        stored = await self.uploads.finalize(upload, total_chunks, wait=not prefers_async(request))
        if stored.ended:
            return json_response(RecordingUploaded(data=_data(stored, "Recording uploaded successfully")))
        waiting = RecordingProcessing(
            session_id=upload.key.session,
            status_url=status_url(upload.key),
            data=_data(stored, "Recording received, and on its way to the bucket"),
        )
        return json_response(waiting, 202, accepted_headers(upload.key))


def _appended(upload: RecordingUpload, chunk: StoredChunk) -> Response:
    appended = AppendedChunk(
        upload_id=upload.key.session, chunks_received=chunk.total_chunks, total_size=chunk.total_size
    )
    return json_response(ChunkAppended(data=appended), 202)


def _data(stored: FinalizedUpload, message: str) -> StoredRecording:
    key = stored.upload.key
    return StoredRecording(
        id=stored.upload.recording.call_log,
        recording_path=stored.path,
        message=message,
        upload_id=key.session,
        session_id=key.session,
        status_url=status_url(key),
    )
