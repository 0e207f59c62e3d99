"""A form as it arrives: small fields whole, the file as a stream, in whatever order the client sends them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header
from starlette.requests import Request

from shared.domain.errors import InvalidInput, TooLarge
from shared.http.body import BodyLimits, declared_size, stream_body

_MAX_PARTS = 32
_MAX_FIELD = 64 * 1024

BAD_FIELD = "bad_field"
"""The code of what is refused for a field which can't be one: it is too long, or no text."""


@dataclass(frozen=True, slots=True)
class Field:
    """A form field, complete."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileStart:
    """The bytes that follow, until the next Field or FileStart, are this file's."""

    name: str
    filename: str


FormEvent = Field | FileStart | bytes


def boundary_of(content_type: str) -> str | None:
    """Return the boundary of a `multipart/form-data` content type (RFC 7578), or None for another type.

    Raises InvalidInput for a form without a usable boundary.
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
    """Yield a form's events while its body arrives; parts named in `file_fields` are streamed, not kept.

    Raises InvalidInput for a broken or unfinished form and TooLarge for one with too many or too long fields.
    """
    parser = PushMultipartParser(boundary, max_segment_count=_MAX_PARTS)
    field: _FieldBuffer | None = None
    try:
        async for piece in body:
            for event in parser.parse(piece):
                match event:
                    case MultipartSegment() if event.name in file_fields:
                        yield FileStart(event.name, event.filename or "")
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


class _FieldBuffer:
    def __init__(self, name: str, *, file_expected_in: frozenset[str] | None) -> None:
        self._name = name
        self._file_expected_in = file_expected_in
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > _MAX_FIELD:
            self._refuse_file()
            raise TooLarge(f"The form field {self._name[:64]!r} is too long.", code=BAD_FIELD)
        self._pieces.append(piece)

    def close(self) -> Field:
        try:
            return Field(self._name, b"".join(self._pieces).decode())
        except UnicodeDecodeError as exc:
            self._refuse_file()
            raise InvalidInput(f"The form field {self._name[:64]!r} is not UTF-8.", code=BAD_FIELD) from exc

    def _refuse_file(self) -> None:
        """Tell a client who put its file into another field of just that."""
        if self._file_expected_in is not None:
            expected = " or ".join(repr(name) for name in sorted(self._file_expected_in))
            raise InvalidInput(
                f"The file is expected in the form field {expected}, not in {self._name[:64]!r}.", code="missing_file"
            )


_OVERHEAD = 256 * 1024  # what a form may hold beside its file


class SingleFileForm:
    """One `multipart/form-data` request with its file in one of `file_fields`, of which the first is the usual one.

    `limits` are the file's. A declared size over them is refused at once with TooLarge, saying `too_large`.
    """

    def __init__(
        self, request: Request, limits: BodyLimits, *, boundary: str, file_fields: tuple[str, ...], too_large: str
    ) -> None:
        self._request = request
        self._limits = limits.with_size(limits.size + _OVERHEAD)
        self._largest = limits.size
        self._boundary = boundary
        self._file_fields = file_fields
        self._too_large = too_large
        if declared_size(request) > self._limits.size:
            raise TooLarge(too_large)

    async def events(self) -> AsyncIterator[FormEvent]:
        """Yield the form's events as they come, the file's bytes counted against the limit.

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
                    if size > self._largest:
                        raise TooLarge(self._too_large)
            yield event
        if files == 0:
            raise InvalidInput(f"The form has no file field {self._file_fields[0]!r}.", code="missing_file")
