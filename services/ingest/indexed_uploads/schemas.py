"""API group, error, request and response schemas and OpenAPI operations of indexed uploads.

See docs/contracts.md, section 3.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request

from services.ingest.indexed_uploads.request import FILE_FIELD, INDEX_FIELD, SESSION_FIELD
from shared.domain.errors import ErrorKind, RoomtoneError
from shared.domain.identifiers import IDENTIFIER_SCHEMA, INDEX_SCHEMA, MAX_CHUNK_INDEX
from shared.http.api_group import ApiGroup
from shared.http.fields import Address, Identifier, IntegralFloat
from shared.http.operation import FORM, OCTETS, Operation, Parameter, RequestBodySpec, ResponseSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadError:
    """The family's error; `code` is stable, `message` is for people."""

    status: Literal["error"] = "error"
    message: str
    code: str
    data: None = None


def _body(_request: Request, error: RoomtoneError) -> UploadError:
    return UploadError(message=error.message, code=error.code)


UPLOADS = ApiGroup("Indexed uploads with a main service", _body, UploadError)


_MAX_NAME = 4096

FileId = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1), IntegralFloat]
"""The main service's id of a file, a JSON integer or an integral float (1.0 is 1); no boolean or string."""
TotalChunks = Annotated[int, Field(strict=True, ge=1, le=MAX_CHUNK_INDEX + 1), IntegralFloat]


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """Opens an upload; the name is reduced to a safe form, and kept."""

    main_service_file_id: FileId
    original_file_name: Annotated[str, Field(min_length=1, max_length=_MAX_NAME)]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """The id that goes with each chunk."""

    upload_session_id: Identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOpened:
    """The upload takes chunks; a crash does not lose it."""

    status: Literal["success"] = "success"
    message: Literal["Upload session initialized."] = "Upload session initialized."
    data: UploadSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkUploaded:
    """The chunk is durable."""

    status: Literal["success"] = "success"
    message: Literal["Chunk uploaded successfully."] = "Chunk uploaded successfully."


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRequest:
    """Says that all chunks were sent, and how many those were."""

    upload_session_id: Annotated[str, Field(json_schema_extra={"pattern": IDENTIFIER_SCHEMA["pattern"]})]
    total_chunks: TotalChunks
    main_service_file_id: FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """Where the file is, as it was sent."""

    file_path_on_upload_service: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadCompleted:
    """The file is in the bucket; the message says whether the main service has confirmed that it was told."""

    status: Literal["success"] = "success"
    message: Literal["File upload completed.", "File upload completed and main service notified."]
    data: UploadedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadProcessing:
    """All chunks are here, and the file is on its way into the bucket; `status_url` is relative to this server."""

    status: Literal["processing"] = "processing"
    message: Literal["File upload accepted; it is being stored."] = "File upload accepted; it is being stored."
    data: None = None
    session_id: Identifier
    status_url: str


_FORM_SCHEMA = {
    "type": "object",
    "required": [SESSION_FIELD, INDEX_FIELD, FILE_FIELD],
    "properties": {
        SESSION_FIELD: IDENTIFIER_SCHEMA,
        INDEX_FIELD: INDEX_SCHEMA,
        FILE_FIELD: {"type": "string", "contentMediaType": OCTETS, "minLength": 1},
    },
}

_BODY_ERRORS = [
    ErrorKind.INVALID,
    ErrorKind.TOO_SLOW,
    ErrorKind.TOO_LARGE,
    ErrorKind.UNSUPPORTED,
    ErrorKind.UNAVAILABLE,
    ErrorKind.OUT_OF_SPACE,
]

INIT = Operation(
    summary="Open an upload",
    request_bodies=[RequestBodySpec(model=InitRequest)],
    responses={200: ResponseSpec(description="Opened.", model=UploadOpened)},
    errors=_BODY_ERRORS,
)

CHUNK = Operation(
    summary="Store one chunk of an upload",
    description="Fields may stand before or after the file; in front of it, an unknown upload is refused at once.",
    request_bodies=[RequestBodySpec(schema=_FORM_SCHEMA, media_type=FORM)],
    responses={
        200: ResponseSpec(description="Stored: these bytes survive a crash and a power loss.", model=ChunkUploaded)
    },
    errors=[*_BODY_ERRORS, ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.RATE_LIMITED],
)

COMPLETE = Operation(
    summary="Store the file, and tell the main service",
    description="Idempotent. Waits for the result for a while; `Prefer: respond-async` answers at once.",
    parameters=[Parameter(name="Prefer", where="header", description="`respond-async` not to wait (RFC 7240).")],
    request_bodies=[RequestBodySpec(model=CompleteRequest)],
    responses={
        200: ResponseSpec(description="The file is in the bucket.", model=UploadCompleted),
        202: ResponseSpec(
            description="Accepted; the result takes longer. Ask `status_url`, or send the same again.",
            model=UploadProcessing,
            headers={"Location": "Where to ask: `status_url`.", "Retry-After": "After how many seconds to ask."},
        ),
    },
    errors=[*_BODY_ERRORS, ErrorKind.EMPTY_SESSION, ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.PERMANENT],
)
