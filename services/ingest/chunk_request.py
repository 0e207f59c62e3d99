"""A chunk's request taken apart at the edge: what its headers refuse, and its bytes as a stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from services.ingest.multipart import Field, FileStart, boundary_of, read_form
from shared.errors import InvalidInput, TooLarge, TooSlow, Unsupported
from shared.identifiers import chunk_index

FILE_FIELD = "audio_chunk"
INDEX_FIELD = "chunk_index"
_FORM_OVERHEAD = 256 * 1024  # what a form may hold beside the chunk itself


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`chunk` in bytes; `idle` is how many seconds a sender may stay silent inside a body."""

    chunk: int
    idle: float


class ChunkRequest:
    """One request that carries one chunk; iterate `pieces()` to its end, then read `index`.

    `declared_size` is what a raw body says of itself in bytes, 0 if it says nothing.
    """

    def __init__(self, request: Request, limits: BodyLimits) -> None:
        self._request = request
        self._limits = limits
        self._boundary = _accepted_form(request)
        declared = int(request.headers.get("content-length", "0"))
        if declared > self._allowed:
            raise self._too_large()
        self.declared_size = 0 if self._boundary else declared
        self.index: int | None = None
        for text in request.query_params.getlist(INDEX_FIELD):
            self._take_field(INDEX_FIELD, text)

    @property
    def _allowed(self) -> int:
        return self._limits.chunk + (_FORM_OVERHEAD if self._boundary else 0)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A chunk may have at most {self._limits.chunk} bytes: send smaller chunks.")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the chunk's bytes as they come, counted against the limit.

        Raises TooLarge, TooSlow, InvalidInput for a form without the file or with two, and
        starlette's ClientDisconnect when the sender hangs up.
        """
        size = 0
        async for piece in self._content():
            size += len(piece)
            if size > self._limits.chunk:
                raise self._too_large()
            yield piece
        if size == 0:
            raise InvalidInput("The chunk is empty: send at least one byte.", code="empty_chunk")

    async def _content(self) -> AsyncIterator[bytes]:
        if self._boundary is None:
            async for piece in self._body():
                yield piece
            return
        files = 0
        async for event in read_form(self._body(), self._boundary, file_fields=frozenset({FILE_FIELD})):
            match event:
                case FileStart():
                    files += 1
                    if files > 1:
                        raise InvalidInput(f"Send one {FILE_FIELD!r} a request.", code="duplicate_field")
                case Field(name, value):
                    self._take_field(name, value)
                case _:
                    yield event
        if files == 0:
            raise InvalidInput(f"The form has no file field {FILE_FIELD!r}.", code="missing_file")

    def _take_field(self, name: str, value: str) -> None:
        if name != INDEX_FIELD:
            return
        index = chunk_index(value)
        if self.index is not None and self.index != index:
            raise InvalidInput("chunk_index is given twice and differs.", code="duplicate_field")
        self.index = index

    async def _body(self) -> AsyncIterator[bytes]:
        stream = self._request.stream()
        left = self._allowed
        while True:
            try:
                async with asyncio.timeout(self._limits.idle):
                    piece = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError as exc:
                raise TooSlow("The chunk stopped arriving: send it again.") from exc
            left -= len(piece)
            if left < 0:
                raise self._too_large()
            if piece:
                yield piece


def _accepted_form(request: Request) -> str | None:
    """Return the form's boundary, or None for a raw body; refuse everything else before any byte is read."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise Unsupported("Content-Encoding is not supported: send the chunk as it is.", code="bad_encoding")
    content_type = request.headers.get("content-type", "")
    boundary = boundary_of(content_type)
    if boundary is None and content_type.partition(";")[0].strip().lower() != "application/octet-stream":
        raise Unsupported(
            f"Send multipart/form-data with a file field {FILE_FIELD!r}, or application/octet-stream.",
            code="bad_content_type",
        )
    return boundary
