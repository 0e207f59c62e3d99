"""Streaming parser of `multipart/form-data`: fields are buffered, the file is streamed, in any order."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header
from starlette.requests import Request

from shared.domain.errors import InvalidInput, TooLarge, Unsupported
from shared.http.body import BodyLimits, declared_size, stream_body

_MAX_PARTS = 32
_MAX_FIELD_BYTES = 64 * 1024

_ENCODED = {"base64", "quoted-printable"}  # Content-Transfer-Encoding, which RFC 7578, section 4.7, deprecates
_SEND_AS_IT_IS = "Content-Transfer-Encoding is not supported: send the file's bytes as they are."

BAD_FIELD = "bad_field"
"""Error code of a field that is too long or not UTF-8."""


@dataclass(frozen=True, slots=True)
class Field:
    """A complete form field."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileStart:
    """A file begins: the bytes that follow are its, until the next Field or FileStart."""

    name: str
    filename: str


FormEvent = Field | FileStart | bytes


def boundary_of(content_type: str) -> str | None:
    """Return the boundary of a `multipart/form-data` content type (RFC 7578), or None for another type.

    Raises InvalidInput for a form without a boundary, or with one of over 200 characters.
    """
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        return None
    boundary: str = options.get("boundary", "")
    if not 1 <= len(boundary) <= 200:  # noqa: PLR2004  # RFC 2046 allows 70; some clients send more
        raise InvalidInput("The multipart form has no usable boundary in its Content-Type.", code="bad_form")
    return boundary


async def parse_form(
    body: AsyncIterator[bytes], boundary: str, *, file_fields: frozenset[str]
) -> AsyncIterator[FormEvent]:
    """Yield a form's events while its body arrives; parts named in `file_fields` are streamed, the others buffered.

    Raises InvalidInput for a malformed or incomplete form, and TooLarge for one of over 32 parts, with a field of over
    64 KiB or with too long headers, and Unsupported for a file that is encoded once more.
    """
    parser = PushMultipartParser(boundary, max_segment_count=_MAX_PARTS)
    field: _FieldBuffer | None = None
    try:
        async for piece in body:
            for event in parser.parse(piece):
                match event:
                    case MultipartSegment() if event.name in file_fields:
                        yield _file_start(event)
                    case MultipartSegment():
                        field = _FieldBuffer(event.name, file_expected_in=file_fields if event.filename else None)
                    case None if field is not None:
                        yield field.close()
                        field = None
                    case None:
                        pass
                    case _ if field is not None:
                        field.add(event)
                    case _:
                        yield event
        parser.close()
    except ParserLimitReached as exc:
        raise TooLarge("The form has too many parts or too long headers.", code="form_too_large") from exc
    except MultipartError as exc:
        raise InvalidInput("The multipart form is broken or ends early: send it again.", code="bad_form") from exc


def _file_start(part: MultipartSegment) -> FileStart:
    """Return the file's start; raises Unsupported for one that is encoded once more: it would be stored so."""
    if part.header("Content-Transfer-Encoding", "").lower() in _ENCODED:
        raise Unsupported(_SEND_AS_IT_IS, code="bad_encoding")
    return FileStart(part.name, part.filename or "")


class _FieldBuffer:
    def __init__(self, name: str, *, file_expected_in: frozenset[str] | None) -> None:
        self._name = name
        self._file_expected_in = file_expected_in
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > _MAX_FIELD_BYTES:
            self._reject_file()
            raise TooLarge(f"The form field {self._name[:64]!r} is too long.", code=BAD_FIELD)
        self._pieces.append(piece)

    def close(self) -> Field:
        try:
            return Field(self._name, b"".join(self._pieces).decode())
        except UnicodeDecodeError as exc:
            self._reject_file()
            raise InvalidInput(f"The form field {self._name[:64]!r} is not UTF-8.", code=BAD_FIELD) from exc

    def _reject_file(self) -> None:
        """Raise InvalidInput that names the right field, if this field holds a file."""
        if self._file_expected_in is not None:
            expected = " or ".join(repr(name) for name in sorted(self._file_expected_in))
            raise InvalidInput(
                f"The file is expected in the form field {expected}, not in {self._name[:64]!r}.", code="missing_file"
            )


_MAX_OVERHEAD = 256 * 1024  # bytes of a form beside its file


class SingleFileForm:
    """A `multipart/form-data` request with one file, in one of `file_fields`; errors name the first of them.

    `limits` are the file's; the form may have 256 KiB more. Raises TooLarge with the message `too_large` for a declared
    size over that.
    """

    def __init__(
        self, request: Request[Any], limits: BodyLimits, *, boundary: str, file_fields: tuple[str, ...], too_large: str
    ) -> None:
        self._request = request
        self._limits = limits.with_size(limits.size + _MAX_OVERHEAD)
        self._max_file_size = limits.size
        self._boundary = boundary
        self._file_fields = file_fields
        self._too_large = too_large
        if declared_size(request) > self._limits.size:
            raise TooLarge(too_large)

    async def events(self) -> AsyncIterator[FormEvent]:
        """Yield the form's events as they arrive; the file's bytes are counted against the limit.

        Raises InvalidInput for a form without the file or with two of them, and what `parse_form` and `stream_body`
        raise.
        """
        files = size = 0
        body = stream_body(self._request, self._limits, self._too_large)
        async for event in parse_form(body, self._boundary, file_fields=frozenset(self._file_fields)):
            match event:
                case FileStart():
                    files += 1
                    if files > 1:
                        raise InvalidInput(f"Send one {self._file_fields[0]!r} a request.", code="duplicate_field")
                case Field():
                    pass
                case _:
                    size += len(event)
                    if size > self._max_file_size:
                        raise TooLarge(self._too_large)
            yield event
        if files == 0:
            raise InvalidInput(f"The form has no file field {self._file_fields[0]!r}.", code="missing_file")
