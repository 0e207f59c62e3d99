"""The bounds of a form that carries one file, whatever else it carries."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from shared.errors import InvalidInput, TooLarge
from shared.http.body import BodyLimits, declared_size, read_pieces
from shared.http.multipart import Field, FileStart, FormEvent, read_form

_OVERHEAD = 256 * 1024  # what a form may hold beside its file


class OneFileForm:
    """One `multipart/form-data` request with its file in one of `file_fields`, of which the first is the usual one.

    `limits` are the file's. A declared size over them is refused at once with TooLarge, saying `too_large`.
    """

    def __init__(
        self, request: Request, limits: BodyLimits, *, boundary: str, file_fields: tuple[str, ...], too_large: str
    ) -> None:
        self._request = request
        self._limits = limits.sized(limits.size + _OVERHEAD)
        self._largest = limits.size
        self._boundary = boundary
        self._file_fields = file_fields
        self._too_large = too_large
        if declared_size(request) > self._limits.size:
            raise TooLarge(too_large)

    async def events(self) -> AsyncIterator[FormEvent]:
        """Yield the form's events as they come, the file's bytes counted against the limit.

        Raises InvalidInput for a form without the file or with two of them, and what `read_form` and `read_pieces`
        raise.
        """
        files = size = 0
        body = read_pieces(self._request, self._limits, self._too_large)
        async for event in read_form(body, self._boundary, file_fields=frozenset(self._file_fields)):
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
