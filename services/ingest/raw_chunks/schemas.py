"""Response schemas and OpenAPI operations of raw chunk sessions (docs/contracts.md, section 1)."""

from dataclasses import dataclass
from typing import Literal

from services.ingest.api.accepted import PROCESSING
from services.ingest.api.session_resource import SESSION_ID
from services.ingest.raw_chunks.request import FILE_FIELD, INDEX_FIELD, RAW_TYPES
from shared.domain.errors import ErrorKind
from shared.domain.identifiers import INDEX_SCHEMA
from shared.http.fields import Address, Count, Identifier, Seconds, Sha256, Size
from shared.http.operation import FORM, OCTETS, Operation, Parameter, RequestBodySpec, ResponseSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStored:
    """The chunk is durable; `chunk_size` in bytes."""

    status: Literal["success"] = "success"
    session_id: Identifier
    chunk_size: Size
    total_chunks: Count
    chunk_index: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized:
    """The WAV is in the bucket."""

    status: Literal["success"] = "success"
    session_id: Identifier
    url: Address
    filename: str
    size_bytes: Size
    sha256: Sha256
    duration_seconds: Seconds
    warnings: tuple[str, ...]


_FORM_SCHEMA = {
    "type": "object",
    "required": [FILE_FIELD],
    "properties": {
        FILE_FIELD: {"type": "string", "contentMediaType": OCTETS, "minLength": 1},
        INDEX_FIELD: {"type": "string", "pattern": INDEX_SCHEMA["pattern"]},
    },
}

UPLOAD_CHUNK = Operation(
    summary="Store one chunk of a session",
    description="The first chunk opens the session. Without an index chunks are appended in arrival order.",
    parameters=[
        SESSION_ID,
        Parameter(name=INDEX_FIELD, where="query", description="0-based place of the chunk.", schema=INDEX_SCHEMA),
    ],
    request_bodies=[
        RequestBodySpec(schema=_FORM_SCHEMA, media_type=FORM),
        *(RequestBodySpec(schema={"type": "string", "minLength": 1}, media_type=kind) for kind in RAW_TYPES),
    ],
    responses={
        200: ResponseSpec(description="Stored: these bytes survive a crash and a power loss.", model=ChunkStored)
    },
    errors=[
        ErrorKind.INVALID,
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

FINALIZE = Operation(
    summary="Turn a session's chunks into one WAV",
    description="Idempotent. Waits for the result for a while; `Prefer: respond-async` answers at once.",
    parameters=[
        SESSION_ID,
        Parameter(name="Prefer", where="header", description="`respond-async` not to wait (RFC 7240)."),
    ],
    responses={200: ResponseSpec(description="The WAV is in the bucket.", model=Finalized), 202: PROCESSING},
    errors=[
        ErrorKind.INVALID,
        ErrorKind.EMPTY_SESSION,
        ErrorKind.NOT_FOUND,
        ErrorKind.CONFLICT,
        ErrorKind.PERMANENT,
        ErrorKind.UNAVAILABLE,
        ErrorKind.OUT_OF_SPACE,
    ],
)
