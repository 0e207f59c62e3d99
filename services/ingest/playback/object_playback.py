"""Plays an object of the bucket: streams the requested range from there in pieces of 512 KiB."""

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

from services.ingest.playback.range_requests import ByteRange, CacheValidators, cache_validators, parse_range
from shared.domain.errors import NotFound, RoomtoneError, Unavailable
from shared.domain.events import StoredOriginal
from shared.storage.object_store import ObjectInfo

log = structlog.stdlib.get_logger(__name__)

_PIECE = 512 * 1024  # memory for one slow client, which holds no connection to the store while it reads a piece
_STALL_SECONDS = 600.0  # a player that pauses for longer continues with a Range request


class ObjectReader(Protocol):
    """The part of the object store that playback reads with."""

    async def head(self, key: str) -> ObjectInfo | None:
        """Return an object's metadata, or None if there is none."""
        ...

    def read(self, key: str, first: int = 0, last: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield an object's bytes from `first` to `last` (inclusive)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayableObject:
    """An object of the bucket as players get it: its name and type, the hash of its bytes, and when it was stored.

    `size_bytes` and `sha256` are those that were verified when it was stored, `stored_at` is in RFC 3339.
    """

    object_key: str
    filename: str
    content_type: str
    size_bytes: int
    sha256: str
    stored_at: str


def playable_original(original: StoredOriginal, stored_at: str) -> PlayableObject:
    """Return a recording as it was sent, which was stored at a time in RFC 3339."""
    return PlayableObject(
        object_key=original.object_key,
        filename=original.filename,
        content_type=original.content_type,
        size_bytes=original.size_bytes,
        sha256=original.sha256,
        stored_at=stored_at,
    )


@dataclass(frozen=True, slots=True)
class Playback:
    """Serves GET and HEAD of a stored object (RFC 9110)."""

    store: ObjectReader

    async def respond(self, method: str, item: PlayableObject, headers: Headers) -> Response:
        """Respond to GET or HEAD; raises what `play` raises."""
        return await (self.head if method == "HEAD" else self.play)(item, headers)

    async def head(self, item: PlayableObject, headers: Headers) -> Response:
        """Respond as `play` does, without a body and without looking at Range (section 14.2)."""
        validators = _validators(item)
        validators.check_preconditions(headers)
        if validators.not_modified(headers):
            return _not_modified(validators)
        if await self.store.head(item.object_key) is None:
            raise _recording_not_found()
        response_headers = _response_headers(item, validators)
        return Response(status_code=200, headers={**response_headers, "Content-Length": str(item.size_bytes)})

    async def play(self, item: PlayableObject, headers: Headers) -> Response:
        """Respond 200 with all bytes, 206 with a range, or 304 without a body.

        The first piece is read before the response starts. Raises RangeNotSatisfiable, NotFound for an object that is
        gone, PreconditionFailed, and Unavailable.
        """
        validators = _validators(item)
        validators.check_preconditions(headers)
        if validators.not_modified(headers):
            return _not_modified(validators)
        part = _requested_range(headers, validators, item.size_bytes)
        requested = part or ByteRange(0, item.size_bytes - 1)
        response_headers = {**_response_headers(item, validators), "Content-Length": str(requested.size)}
        if part is not None:
            response_headers["Content-Range"] = f"bytes {part.first}-{part.last}/{item.size_bytes}"
        pieces = self._pieces(item.object_key, requested)
        first_piece = await anext(pieces, b"")
        return _Stream(first_piece, pieces, 200 if part is None else 206, response_headers)

    async def _pieces(self, key: str, requested: ByteRange) -> AsyncGenerator[bytes, None]:
        """Yield the bytes in order; no connection to the store stays open while the client reads."""
        for first in range(requested.first, requested.last + 1, _PIECE):
            last = min(first + _PIECE - 1, requested.last)
            try:
                piece = b"".join([some async for some in self.store.read(key, first, last)])
            except NotFound as exc:
                raise _recording_not_found() from exc
            if len(piece) != last - first + 1:
                raise Unavailable("The store has another object than was stored.", code="store_other_object")
            yield piece


class _Stream(StreamingResponse):
    """Response with a known length whose pieces are read on the way; if they end early, the connection is closed."""

    def __init__(
        self, first_piece: bytes, pieces: AsyncGenerator[bytes, None], status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(pieces, status, headers)
        self._first_piece = first_piece
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        """Send all pieces, each as fast as the client reads it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with aclosing(self._pieces):
                await _send_piece(send, self._first_piece)
                async for piece in self._pieces:
                    await _send_piece(send, piece)
        except (RoomtoneError, TimeoutError) as exc:
            log.error("a recording could not be played to its end", reason=str(exc) or "the client stalled")
            return  # the server closes a connection whose body is not complete
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_piece(send: Send, piece: bytes) -> None:
    async with asyncio.timeout(_STALL_SECONDS):
        await send({"type": "http.response.body", "body": piece, "more_body": True})


def _requested_range(headers: Headers, validators: CacheValidators, size: int) -> ByteRange | None:
    """Return the requested range, None for all bytes; two Range headers are ambiguous and count as none."""
    ranges = headers.getlist("range")
    return parse_range(ranges[0], size) if len(ranges) == 1 and validators.range_applies(headers) else None


def _validators(item: PlayableObject) -> CacheValidators:
    return cache_validators(item.sha256, datetime.fromisoformat(item.stored_at))


def _not_modified(validators: CacheValidators) -> Response:
    return Response(status_code=304, headers=_cache_headers(validators))


def _response_headers(item: PlayableObject, validators: CacheValidators) -> dict[str, str]:
    return {
        "Content-Type": item.content_type,
        "Accept-Ranges": "bytes",
        "Content-Disposition": content_disposition(item.filename),
        "X-Content-Type-Options": "nosniff",
        **_cache_headers(validators),
    }


def _cache_headers(validators: CacheValidators) -> dict[str, str]:
    """Return the cache headers: a private cache may keep the recording, and revalidates it each time."""
    return {"ETag": validators.etag, "Last-Modified": validators.last_modified, "Cache-Control": "private, no-cache"}


def content_disposition(filename: str) -> str:
    """Return an inline Content-Disposition (RFC 6266, RFC 8187); `filename` comes from `safe_filename`."""
    plain = filename.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'inline; filename="{plain}"{extended}'


def _recording_not_found() -> NotFound:
    return NotFound("There is no such recording.")
