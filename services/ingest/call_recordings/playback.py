"""Playing a stored recording: as much of it as was asked for, streamed from the bucket, never held whole."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from services.ingest.call_recordings.range_requests import ByteRange, CacheValidators, cache_validators, wanted_range
from services.ingest.call_recordings.stored_recordings import StoredCall
from shared.domain.errors import NotFound, RoomtoneError, Unavailable
from shared.domain.events import StoredOriginal
from shared.storage.object_store import ObjectInfo

log = structlog.stdlib.get_logger(__name__)

_PIECE = 512 * 1024  # what a reader costs us in memory, and what it can be slow with at no cost to the store
_STALLED_SECONDS = 600.0  # a player that paused for longer comes back with a Range


class ObjectReader(Protocol):
    """The bucket, as far as playing needs it."""

    async def head(self, key: str) -> ObjectInfo | None:
        """Look an object up; None if there is none."""
        ...

    def read(self, key: str, first: int = 0, last: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield an object's bytes from `first` to `last` (inclusive)."""
        ...


@dataclass(frozen=True, slots=True)
class Playback:
    """Answers GET and HEAD for a stored recording (RFC 9110)."""

    store: ObjectReader

    async def head(self, call: StoredCall, headers: Headers) -> Response:
        """Answer as `play` without a body; a Range says nothing about a HEAD (section 14.2)."""
        valid = _validators(call)
        if valid.not_modified(headers):
            return _not_modified(valid)
        if await self.store.head(call.original.object_key) is None:
            raise _recording_not_found()
        about = _response_headers(call.original, valid)
        return Response(status_code=200, headers={**about, "Content-Length": str(call.original.size_bytes)})

    async def play(self, call: StoredCall, headers: Headers) -> Response:
        """Answer 200 with all, 206 with a part or 304 with nothing of a recording.

        The first bytes are there before it answers. Raises OutsideRange, NotFound for an object that has gone and
        Unavailable.
        """
        valid = _validators(call)
        if valid.not_modified(headers):
            return _not_modified(valid)
        original = call.original
        part = _wanted(headers, valid, original.size_bytes)
        wanted = part or ByteRange(0, original.size_bytes - 1)
        about = {**_response_headers(original, valid), "Content-Length": str(wanted.size)}
        if part is not None:
            about["Content-Range"] = f"bytes {part.first}-{part.last}/{original.size_bytes}"
        pieces = self._pieces(original.object_key, wanted)
        begun = await anext(pieces, b"")
        return _Stream(begun, pieces, 200 if part is None else 206, about)

    async def _pieces(self, key: str, wanted: ByteRange) -> AsyncGenerator[bytes, None]:
        """Yield the bytes in order; no connection to the store stays open while a reader takes its time."""
        for first in range(wanted.first, wanted.last + 1, _PIECE):
            last = min(first + _PIECE - 1, wanted.last)
            try:
                piece = b"".join([some async for some in self.store.read(key, first, last)])
            except NotFound as exc:
                raise _recording_not_found() from exc
            if len(piece) != last - first + 1:
                raise Unavailable("The store has another object than was stored.", code="store_other_object")
            yield piece


class _Stream(StreamingResponse):
    """A body of known length that comes in pieces; where they end early, the connection ends rather than the body."""

    def __init__(
        self, begun: bytes, pieces: AsyncGenerator[bytes, None], status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(pieces, status, headers)
        self._begun = begun
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        """Send it all, as slowly as the reader takes it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with aclosing(self._pieces):
                await _send_piece(send, self._begun)
                async for piece in self._pieces:
                    await _send_piece(send, piece)
        except (RoomtoneError, TimeoutError) as exc:
            log.error("a recording could not be played to its end", reason=str(exc) or "the reader stalled")
            return  # the server closes a connection whose body is not complete
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_piece(send: Send, piece: bytes) -> None:
    async with asyncio.timeout(_STALLED_SECONDS):
        await send({"type": "http.response.body", "body": piece, "more_body": True})


def _wanted(headers: Headers, valid: CacheValidators, size: int) -> ByteRange | None:
    """Return the part that was asked for, None for all of it: also with two Range headers, which nobody can mean."""
    ranges = headers.getlist("range")
    return wanted_range(ranges[0], size) if len(ranges) == 1 and valid.range_applies(headers) else None


def _validators(call: StoredCall) -> CacheValidators:
    return cache_validators(call.original.sha256, datetime.fromisoformat(call.stored_at))


def _not_modified(valid: CacheValidators) -> Response:
    return Response(status_code=304, headers=_cached(valid))


def _response_headers(original: StoredOriginal, valid: CacheValidators) -> dict[str, str]:
    return {
        "Content-Type": original.content_type,
        "Accept-Ranges": "bytes",
        "Content-Disposition": content_disposition(original.filename),
        "X-Content-Type-Options": "nosniff",
        **_cached(valid),
    }


def _cached(valid: CacheValidators) -> dict[str, str]:
    """Return what a private cache must know: it may keep the recording, and asks each time whether it is the one."""
    return {"ETag": valid.etag, "Last-Modified": valid.last_modified, "Cache-Control": "private, no-cache"}


def content_disposition(filename: str) -> str:
    """Return the header for a file shown in place; `filename` is a safe one already (RFC 6266, RFC 8187)."""
    plain = filename.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'inline; filename="{plain}"{extended}'


def _recording_not_found() -> NotFound:
    return NotFound("There is no such recording.")
