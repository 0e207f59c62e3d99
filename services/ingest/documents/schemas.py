"""API group, error, request and response schemas and OpenAPI operations of documents.

See docs/contracts.md, section 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request

from shared.domain.errors import ErrorKind, RoomtoneError
from shared.domain.identifiers import IDENTIFIER_SCHEMA
from shared.http.api_group import ApiGroup
from shared.http.fields import Address, Identifier, IntegralFloat, Size, Timestamp
from shared.http.operation import Operation, Parameter, RequestBodySpec, ResponseSpec
from shared.storage.object_store import LONGEST_SIGNED_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentError:
    """The family's error; `code` is stable, `error` is for people."""

    success: Literal[False] = False
    error: str
    code: str


def _body(_request: Request, error: RoomtoneError) -> DocumentError:
    return DocumentError(error=error.message, code=error.code)


DOCUMENTS = ApiGroup("Direct uploads to the bucket", _body, DocumentError)


_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # RFC 9110, section 5.6.2
_NAME = _TOKEN.replace("*", "")  # without the wildcard: a file has one type
_MEDIA_TYPE = rf"^{_NAME}/{_NAME}( ?; ?{_TOKEN}={_TOKEN})*$"
_MAX_EXACT_INTEGER = 2**53 - 1  # above it JSON parsers may lose precision (RFC 8259, section 6)

MediaType = Annotated[str, Field(max_length=127, pattern=_MEDIA_TYPE)]
"""A media type, optionally with parameters whose values are plain tokens (RFC 9110, section 8.3.1)."""
Filename = Annotated[str, Field(min_length=1, max_length=4096)]
"""A filename as the client has it; `safe_filename` reduces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressWanted:
    """What is to be uploaded; `expiration` in seconds, the server's default without one. `file_size` in bytes."""

    filename: Filename
    content_type: MediaType
    expiration: Annotated[int, Field(strict=True, ge=1, le=LONGEST_SIGNED_SECONDS), IntegralFloat] | None = None
    file_size: Annotated[int, Field(strict=True, ge=1, le=_MAX_EXACT_INTEGER), IntegralFloat] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressSigned:
    """Where to send the file, and with which headers; the store takes nothing else there."""

    success: Literal[True] = True
    upload_url: Address
    method: Literal["PUT"] = "PUT"
    headers: Mapping[str, str]
    object_key: str
    expires_at: Timestamp
    public_url: Address | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A file that lies in the bucket: `file_path` is the object key that came with the address it was sent to."""

    filename: Filename
    file_path: Annotated[str, Field(min_length=1, max_length=1024)]
    file_size: Annotated[int, Field(strict=True, ge=0, le=_MAX_EXACT_INTEGER), IntegralFloat]
    mime_type: MediaType


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A registered document; a recording's status and score are told at `status_url`, relative to this server."""

    id: Identifier
    filename: str
    file_path: str
    file_size: Size
    mime_type: str
    created_at: Timestamp
    session_id: Identifier
    status_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentWithAddress(Document):
    """A document, and where it can be read until `expires_at`."""

    download_url: Address
    expires_at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDocument(DocumentWithAddress):
    """A document of a bucket that everyone can read."""

    public_url: Address


SIGN = Operation(
    summary="Get an address to upload a file to, right into the bucket",
    description=(
        "PUT the file there with the `headers` given; the signature covers method, key and content type, and the"
        " length where `file_size` is given. Then register it as a document."
    ),
    request_bodies=[RequestBodySpec(model=AddressWanted)],
    responses={200: ResponseSpec(description="Signed.", model=AddressSigned)},
    errors=[ErrorKind.INVALID, ErrorKind.TOO_SLOW, ErrorKind.TOO_LARGE, ErrorKind.UNSUPPORTED],
)

REGISTER = Operation(
    summary="Register a file that was uploaded to the bucket",
    description=(
        "It is looked up there first. A recording then becomes a WAV and gets a score like any other: what is"
        " `audio/…`, `application/ogg`, `video/mp4` or `video/webm` by its type, or, without any type, by its name."
        " Again is fine: the same file is the same document."
    ),
    request_bodies=[RequestBodySpec(model=Registration)],
    responses={
        201: ResponseSpec(
            description="Registered.", model=Document, headers={"Location": "Where the document is read."}
        )
    },
    errors=[
        ErrorKind.INVALID,
        ErrorKind.NOT_FOUND,
        ErrorKind.TOO_SLOW,
        ErrorKind.CONFLICT,
        ErrorKind.TOO_LARGE,
        ErrorKind.UNSUPPORTED,
        ErrorKind.OUT_OF_SPACE,
    ],
)

READ = Operation(
    summary="Tell what is known of a document, and where it can be read for a while",
    description="`public_url` comes with it where the bucket has a public address.",
    parameters=[
        Parameter(
            name="document_id", where="path", description="The document's id.", schema=IDENTIFIER_SCHEMA, required=True
        )
    ],
    responses={200: ResponseSpec(description="The document.", model=DocumentWithAddress)},
    errors=[ErrorKind.INVALID, ErrorKind.NOT_FOUND],
)
