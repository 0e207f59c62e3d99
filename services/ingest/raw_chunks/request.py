"""Parses the request of a raw session's chunk: its head at once, its body as a stream."""

from collections.abc import AsyncIterator
from fnmatch import fnmatchcase
from typing import Any

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
RAW_TYPES = (OCTETS, "audio/*", "video/*")
"""The types of a body that is the chunk itself; a browser's `fetch` names a blob's own."""


class ChunkRequest:
    """A request with one chunk of the session `key`, in a form or as a raw body.

    Parses the head alone: what is wrong in it is rejected before any byte of the body is read. `declared_size` is 0
    for a form, whose length is not that of the chunk.
    """

    def __init__(self, request: Request[Any], key: SessionKey, limits: BodyLimits) -> None:
        self._request = request
        self._limits = limits
        self._too_large = f"A chunk may have at most {limits.size} bytes: send smaller chunks."
        self._form = self._accepted_form()
        self._key = key
        self.immediate = is_small_immediate_body(request)
        self.declared_size = 0 if self._form else declared_size(request)
        if self.declared_size > limits.size:  # before the session's limit: a new session would not help
            raise TooLarge(self._too_large)
        self._index: int | None = None
        self._empty = True
        for text in request.query_params.getlist(INDEX_FIELD):
            self._set_index(text)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the chunk's bytes as they arrive, up to the limit; raises what `ChunkForm.pieces` raises."""
        async for piece in self._content():
            self._empty = False
            yield piece
            del piece  # as in `stream_body`

    def target(self) -> ChunkTarget:
        """Return where the chunk goes; call it after the last piece, when all fields are known.

        An empty chunk takes its index: recorders send such blobs, and a gap would keep the session from its end.
        Raises InvalidInput for one without an index, which says nothing.
        """
        if self._form is not None and (text := self._form.fields.get(INDEX_FIELD)) is not None:
            self._set_index(text)
        if self._empty and self._index is None:
            raise InvalidInput("The chunk is empty: send at least one byte, or its chunk_index.", code="empty_chunk")
        return ChunkTarget(self._key, self._index)

    def _content(self) -> AsyncIterator[bytes]:
        if self._form is not None:
            return self._form.pieces()
        return stream_body(self._request, self._limits, self._too_large)

    def _set_index(self, text: str) -> None:
        index = parse_chunk_index(text)
        if self._index is not None and self._index != index:
            raise InvalidInput("chunk_index is given twice and differs.", code="duplicate_field")
        self._index = index

    def _accepted_form(self) -> ChunkForm | None:
        """Return the form, or None for a raw body; rejects everything else before any byte is read."""
        reject_encoded_body(self._request)
        boundary = boundary_of(self._request.headers.get("content-type", ""))
        if boundary is not None:
            return ChunkForm(
                self._request, self._limits, boundary=boundary, file_field=FILE_FIELD, too_large=self._too_large
            )
        if not any(fnmatchcase(media_type(self._request), kind) for kind in RAW_TYPES):
            raise Unsupported(
                f"Send multipart/form-data with a file field {FILE_FIELD!r}, or the bytes as application/octet-stream.",
                code="bad_content_type",
            )
        return None
