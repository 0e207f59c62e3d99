"""Response schemas and OpenAPI operations of call recordings (docs/contracts.md, section 4).

The schemas of their JSON requests are in `json_requests`.
"""

from dataclasses import dataclass
from typing import Literal

from services.ingest.api.accepted import PROCESSING
from services.ingest.call_recordings.ids import UUID_SCHEMA
from services.ingest.call_recordings.json_requests import AppendChunk, FinalizeUpload, InitUpload
from services.ingest.playback.operation import play_operation
from shared.domain.errors import ErrorKind
from shared.domain.identifiers import IDENTIFIER_SCHEMA, INDEX_SCHEMA
from shared.http.fields import Count, Identifier, Seconds, Size, Temperature, Timestamp
from shared.http.operation import FORM, OCTETS, Operation, Parameter, RequestBodySpec, ResponseSpec

MAX_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRecording:
    """`chunk_size` in bytes is advice."""

    upload_id: Identifier
    message: str
    chunk_size: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOpened:
    """Chunks of this upload are welcome."""

    data: OpenedRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendedChunk:
    """`chunks_received` and `total_size` (bytes) are of all chunks so far, each counted once."""

    upload_id: Identifier
    chunks_received: Count
    total_size: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkAppended:
    """The chunk is durable."""

    data: AppendedChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecording:
    """`id` is the call log's; `recording_path` is relative to the tenant's part of the bucket."""

    id: str
    recording_path: str
    message: str
    upload_id: Identifier
    session_id: Identifier
    status_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingUploaded:
    """The recording is in the bucket, byte for byte."""

    data: StoredRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingProcessing:
    """The recording is safe, and is being stored under the path that is said here."""

    status: Literal["processing"] = "processing"
    session_id: Identifier
    status_url: str
    data: StoredRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecording:
    """A call's newest recording; what is not known is null."""

    id: str
    recording_path: str
    filename: str
    content_type: str
    size_bytes: Size
    created_at: Timestamp
    duration_seconds: Seconds | None
    session_id: Identifier
    temperature: Temperature | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingList:
    """One page, newest first; `next_cursor` is null on the last one."""

    data: list[ListedRecording]
    next_cursor: str | None


_LEAD_ID = Parameter(
    name="lead_id", where="path", description="The lead's id.", schema=IDENTIFIER_SCHEMA, required=True
)
_RECORDING_ID = Parameter(
    name="recording_id", where="path", description="The call log's id.", schema=UUID_SCHEMA, required=True
)
_FILE_SCHEMA = {"type": "string", "contentMediaType": OCTETS, "minLength": 1}
_RECORDING_FORM = {
    "type": "object",
    "required": ["file", "call_log_id"],
    "properties": {"file": _FILE_SCHEMA, "call_log_id": UUID_SCHEMA},
}
_CHUNK_FORM = {
    "type": "object",
    "required": ["action", "upload_id", "chunk_index", "chunk"],
    "properties": {
        "action": {"const": "append"},
        "upload_id": IDENTIFIER_SCHEMA,
        "chunk_index": INDEX_SCHEMA,
        "chunk": _FILE_SCHEMA,
    },
}

UPLOAD_RECORDING = Operation(
    summary="Store a recording of a call with a lead: at once, or in chunks",
    description=(
        "At once as a form with `file` and `call_log_id`. In chunks by `action`: `init`, then `append` for each in any"
        " order, then `finalize`, which is idempotent. The file's name must be a recording's, and its bytes must agree"
        " with it. `Prefer: respond-async` does not wait for the bucket."
    ),
    parameters=[
        _LEAD_ID,
        Parameter(name="Prefer", where="header", description="`respond-async` not to wait (RFC 7240)."),
    ],
    request_bodies=[
        RequestBodySpec(model=InitUpload),
        RequestBodySpec(model=AppendChunk),
        RequestBodySpec(model=FinalizeUpload),
        RequestBodySpec(schema=_RECORDING_FORM, media_type=FORM, file_names={"file": "call.wav"}),
        RequestBodySpec(schema=_CHUNK_FORM, media_type=FORM),
    ],
    responses={
        200: ResponseSpec(description="The recording is in the bucket.", model=RecordingUploaded),
        201: ResponseSpec(description="The upload is open.", model=RecordingOpened),
        202: ResponseSpec(
            description="The chunk is stored: it survives a crash and a power loss.", model=ChunkAppended
        ),
    },
    extra_responses=[
        (202, ResponseSpec(description=PROCESSING.description, model=RecordingProcessing, headers=PROCESSING.headers)),
    ],
    errors=[
        ErrorKind.INVALID,
        ErrorKind.EMPTY_SESSION,
        ErrorKind.NOT_FOUND,
        ErrorKind.TOO_SLOW,
        ErrorKind.CONFLICT,
        ErrorKind.TOO_LARGE,
        ErrorKind.UNSUPPORTED,
        ErrorKind.RATE_LIMITED,
        ErrorKind.UNAVAILABLE,
        ErrorKind.OUT_OF_SPACE,
    ],
)

PLAY_RECORDING = play_operation(
    summary="Play the newest recording of a call",
    description="The bytes as they were sent, with the type that the file's name stands for.",
    parameters=[_LEAD_ID, _RECORDING_ID],
)

LIST_RECORDINGS = Operation(
    summary="List the recordings of a lead",
    description="The newest of each call, newest first.",
    parameters=[
        _LEAD_ID,
        Parameter(
            name="limit",
            where="query",
            description="How many at most; 50 without it.",
            schema={"type": "integer", "minimum": 1, "maximum": MAX_LISTED},
        ),
        Parameter(name="cursor", where="query", description="The `next_cursor` of the page before."),
    ],
    responses={200: ResponseSpec(description="One page.", model=RecordingList)},
    errors=[ErrorKind.INVALID, ErrorKind.UNAVAILABLE],
)
