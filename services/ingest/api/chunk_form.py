"""Streaming parser of a form upload with one chunk: its fields, in any order, and the file's bytes."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request

from shared.domain.errors import InvalidInput
from shared.http.body import BodyLimits
from shared.http.multipart import Field, FileStart, SingleFileForm


class ChunkForm:
    """One `multipart/form-data` request; iterate `pieces()` to its end, then all `fields` are there.

    While the file is read, `fields` has those that came before it. `filename` is the file part's. The file may also
    be in a field named `or_field`.
    """

    def __init__(
        self,
        request: Request[Any],
        limits: BodyLimits,
        *,
        boundary: str,
        file_field: str,
        or_field: str | None = None,
        too_large: str,
    ) -> None:
        names = (file_field,) if or_field is None else (file_field, or_field)
        self._form = SingleFileForm(request, limits, boundary=boundary, file_fields=names, too_large=too_large)
        self.fields: dict[str, str] = {}
        self.filename = ""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes as they arrive, up to the limit.

        Raises InvalidInput for a field given twice, and what `SingleFileForm.events` raises.
        """
        async for event in self._form.events():
            match event:
                case FileStart(_, filename):
                    self.filename = filename
                case Field(name, value):
                    self._set_field(name, value)
                case _:
                    yield event

    def _set_field(self, name: str, value: str) -> None:
        if self.fields.setdefault(name, value) != value:
            raise InvalidInput("A field of the form is given twice and differs.", code="duplicate_field")
