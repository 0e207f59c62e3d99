"""A form that carries one file, taken apart while it arrives: its fields, wherever they stand, and its bytes."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from shared.errors import InvalidInput, TooLarge
from shared.http.body import BodyLimits, declared_size, read_pieces
from shared.http.multipart import Field, FileStart, read_form

_OVERHEAD = 256 * 1024  # what a form may hold beside its file


class ChunkForm:
    """One `multipart/form-data` request; iterate `pieces()` to its end, then all `fields` are known.

    Before that, `fields` holds those that came before the file. `filename` is what the file part calls itself. The
    file may also stand under the name `or_field`.
    """

    def __init__(
        self,
        request: Request,
        limits: BodyLimits,
        *,
        boundary: str,
        file_field: str,
        or_field: str | None = None,
        too_large: str,
    ) -> None:
        self._request = request
        self._limits = limits.sized(limits.size + _OVERHEAD)
        self._largest = limits.size
        self._boundary = boundary
        self._file_field = file_field
        self._file_fields = frozenset({file_field, or_field or file_field})
        self._too_large = too_large
        self.fields: dict[str, str] = {}
        self.filename = ""
        if declared_size(request) > self._limits.size:
            raise TooLarge(too_large)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes as they come, counted against the limit.

        Raises InvalidInput for a form without the file, with two of them or with a field given twice, and what
        `read_form` and `read_pieces` raise.
        """
        files = size = 0
        body = read_pieces(self._request, self._limits, self._too_large)
        async for event in read_form(body, self._boundary, file_fields=self._file_fields):
            match event:
                case FileStart(_, filename):
                    files += 1
                    if files > 1:
                        raise InvalidInput(f"Send one {self._file_field!r} a request.", code="duplicate_field")
                    self.filename = filename
                case Field(name, value):
                    self._take(name, value)
                case _:
                    size += len(event)
                    if size > self._largest:
                        raise TooLarge(self._too_large)
                    yield event
        if files == 0:
            raise InvalidInput(f"The form has no file field {self._file_field!r}.", code="missing_file")

    def _take(self, name: str, value: str) -> None:
        if self.fields.setdefault(name, value) != value:
            raise InvalidInput("A field of the form is given twice and differs.", code="duplicate_field")
