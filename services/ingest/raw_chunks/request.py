"""A raw session's chunk taken apart at the edge: what its headers refuse, and its bytes as a stream."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from services.ingest.api.chunk_form import ChunkForm
from services.ingest.intake.chunk_store import ChunkTarget
from shared.domain.errors import InvalidInput, TooLarge, Unsupported
from shared.domain.identifiers import SessionKey, parse_chunk_index
from shared.http.body import (
    BodyLimits,
    declared_size,
    is_small_immediate_body,
    media_type,
    reject_encoded_body,
    stream_body,
)
from shared.http.multipart import boundary_of
from shared.http.operation import OCTETS

FILE_FIELD = "audio_chunk"
INDEX_FIELD = "chunk_index"


class ChunkRequest:
    """One request that carries one chunk of the session `key`, as a form or as it is.

    Made of the headers alone: what they say wrong is refused before any byte is read.
    """

    def __init__(self, request: Request, key: SessionKey, limits: BodyLimits) -> None:
        self._request = request
        self._limits = limits
        self._too_large = f"A chunk may have at most {limits.size} bytes: send smaller chunks."
        self._form = self._accepted_form()
        self.session_key = key
        self.immediate = is_small_immediate_body(request)
        self.declared_size = 0 if self._form else declared_size(request)
        if self.declared_size > limits.size:  # before the session's limit: a new session would not help
            raise TooLarge(self._too_large)
        self._index: int | None = None
        for text in request.query_params.getlist(INDEX_FIELD):
            self._take_index(text)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the chunk's bytes as they come, counted against the limit; raises what reading a form raises."""
        empty = True
        async for piece in self._content():
            empty = False
            yield piece
            del piece  # as in `stream_body`
        if empty:
            raise InvalidInput("The chunk is empty: send at least one byte.", code="empty_chunk")

    async def place(self) -> ChunkTarget:
        """Say where the chunk goes, now that all fields are known."""
        if self._form is not None and (text := self._form.fields.get(INDEX_FIELD)) is not None:
            self._take_index(text)
        return ChunkTarget(self.session_key, self._index)

    def _content(self) -> AsyncIterator[bytes]:
        if self._form is not None:
            return self._form.pieces()
        return stream_body(self._request, self._limits, self._too_large)

    def _take_index(self, text: str) -> None:
        index = parse_chunk_index(text)
        if self._index is not None and self._index != index:
            raise InvalidInput("chunk_index is given twice and differs.", code="duplicate_field")
        self._index = index

    def _accepted_form(self) -> ChunkForm | None:
        """Return the form, or None for a raw body; refuse everything else before any byte is read."""
        reject_encoded_body(self._request)
        boundary = boundary_of(self._request.headers.get("content-type", ""))
        if boundary is not None:
            return ChunkForm(
                self._request, self._limits, boundary=boundary, file_field=FILE_FIELD, too_large=self._too_large
            )
        if media_type(self._request) != OCTETS:
            raise Unsupported(
                f"Send multipart/form-data with a file field {FILE_FIELD!r}, or application/octet-stream.",
                code="bad_content_type",
            )
        return None
