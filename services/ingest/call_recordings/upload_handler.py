"""Handles `POST /api/leads/{lead_id}/recordings` by its body: a form upload, or JSON init, append or finalize.

A form is a whole recording or one chunk of an upload; either is stored in the same steps as every other chunk.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.ingest.api.accepted import accepted_headers, prefers_async, status_url
from services.ingest.call_recordings.chunk_requests import RecordingForm, check_first_chunk
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
from services.ingest.call_recordings.state import CallRecordingsState
from services.ingest.call_recordings.uploads import (
    FinalizedUpload,
    LeadRef,
    RecordingUpload,
    recording_name,
)
from services.ingest.intake.admission import UploadReservation
from services.ingest.intake.chunk_store import ChunkTarget, StoredChunk
from shared.domain.errors import Conflict, Unsupported
from shared.http.body import declared_size, media_type, reject_encoded_body
from shared.http.multipart import boundary_of
from shared.http.responses import JSON, json_response


async def upload_recording(request: Request[CallRecordingsState], lead: LeadRef) -> Response:
    """Handle one request; the caller has access to `lead`."""
    reject_encoded_body(request)
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is not None:
        return await _form(request, lead, boundary)
    if media_type(request) != JSON:
        raise Unsupported("Send multipart/form-data with a file, or application/json.", code="bad_content_type")
    return await _json(request, lead)


async def _form(request: Request[CallRecordingsState], lead: LeadRef, boundary: str) -> Response:
    intake, limits = request.state["intake"], request.state["recording_limits"]
    form = RecordingForm(request, boundary, lead, limits, request.state["recording_uploads"])
    with intake.reserve(lead.tenant, min(declared_size(request), limits.recording)) as reservation:
        await intake.precheck(reservation, None, 0, immediate=form.immediate)
        async with intake.stage(reservation) as staged:
            async for piece in form.pieces():
                await staged.write(piece)
                del piece  # written: not to be held while the next one is awaited
            sent = await form.destination()
            stored = await intake.commit(sent.target, staged)
        await intake.publish(stored)
    return await _stored(request, sent.upload, 1) if sent.whole else _appended(sent.upload, stored)


async def _json(request: Request[CallRecordingsState], lead: LeadRef) -> Response:
    limits = request.state["recording_limits"]
    max_size = largest_json(limits.chunk)
    size = min(declared_size(request) or max_size, max_size)
    with request.state["json_memory"].reserve(size), request.state["intake"].reserve(lead.tenant, size) as reservation:
        action = await read_action(request, limits.of_chunk)
        if isinstance(action, AppendChunk):
            return await _append(request, lead, action, reservation)
    if isinstance(action, InitUpload):
        return await _init(request, lead, action)
    return await _finalize(request, lead, action)


async def _append(
    request: Request[CallRecordingsState], lead: LeadRef, append: AppendChunk, reservation: UploadReservation
) -> Response:
    intake = request.state["intake"]
    upload = await request.state["recording_uploads"].find(lead, append.upload_id)
    content = await decoded_chunk(append.chunk, request.state["recording_limits"].chunk)
    await intake.precheck(reservation, upload.key, len(content), immediate=True)
    check_first_chunk(upload, append.chunk_index, content)
    async with intake.stage(reservation) as staged:
        await staged.write(content)
        stored = await intake.commit(ChunkTarget(upload.key, append.chunk_index, has_metadata=True), staged)
    await intake.publish(stored)
    return _appended(upload, stored)


async def _init(request: Request[CallRecordingsState], lead: LeadRef, init: InitUpload) -> Response:
    uploads, chunk_size = request.state["recording_uploads"], request.state["advised_chunk_size"]
    upload = await uploads.open(lead, call_log_id(init.call_log_id), recording_name(init.filename))
    opened = OpenedRecording(upload_id=upload.key.session, message="Upload session initialized", chunk_size=chunk_size)
    return json_response(RecordingOpened(data=opened), 201)


async def _finalize(request: Request[CallRecordingsState], lead: LeadRef, finalize: FinalizeUpload) -> Response:
    upload = await request.state["recording_uploads"].find(lead, finalize.upload_id)
    if call_log_id(finalize.call_log_id) != upload.recording.call_log:
        raise Conflict("The upload was initialized for another call_log_id.", code="other_call_log")
    return await _stored(request, upload, finalize.total_chunks)


async def _stored(request: Request[CallRecordingsState], upload: RecordingUpload, total_chunks: int) -> Response:
    uploads = request.state["recording_uploads"]
    finalized = await uploads.finalize(upload, total_chunks, wait=not prefers_async(request))
    if finalized.ended:
        return json_response(RecordingUploaded(data=_data(finalized, "Recording uploaded successfully")))
    accepted = RecordingProcessing(
        session_id=upload.key.session,
        status_url=status_url(upload.key),
        data=_data(finalized, "Recording received, and on its way to the bucket"),
    )
    return json_response(accepted, 202, accepted_headers(upload.key))


def _appended(upload: RecordingUpload, chunk: StoredChunk) -> Response:
    appended = AppendedChunk(
        upload_id=upload.key.session, chunks_received=chunk.total_chunks, total_size=chunk.total_size
    )
    return json_response(ChunkAppended(data=appended), 202)


def _data(finalized: FinalizedUpload, message: str) -> StoredRecording:
    key = finalized.upload.key
    return StoredRecording(
        id=finalized.upload.recording.call_log,
        recording_path=finalized.path,
        message=message,
        upload_id=key.session,
        session_id=key.session,
        status_url=status_url(key),
    )
