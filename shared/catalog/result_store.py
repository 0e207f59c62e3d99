"""Stores the results of recordings in the bucket, each under its session's key, and reads them."""

import asyncio
import hashlib
from contextlib import aclosing
from dataclasses import dataclass

from shared.domain.errors import NotFound, Permanent, Unavailable
from shared.domain.events import StoredResult
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import result_key
from shared.domain.result import RecordingResult, UnreadableResultError, decode_result, encode_result
from shared.process.tasks import hash_off_loop
from shared.storage.object_store import ObjectStore

_JSON = "application/json"
_MOST_BYTES = 32 * 1024 * 1024  # a call of ten hours with two sides takes 3 MiB


@dataclass(frozen=True, slots=True)
class FoundResult:
    """A result that was read, and what the bucket has of it."""

    result: RecordingResult
    stored: StoredResult


@dataclass(frozen=True, slots=True)
class ResultStore:
    """Puts, reads and deletes results, which are held in memory whole: 32 MiB at most."""

    store: ObjectStore

    async def put(self, result: RecordingResult) -> StoredResult:
        """Store a result, read it back, and make it durable.

        Raises Permanent for one that is too large, and Unavailable if the bucket has something else afterwards.
        """
        body = await asyncio.to_thread(encode_result, result)
        if len(body) > _MOST_BYTES:
            raise Permanent("The transcript is larger than 32 MiB.", code="result_too_large")
        name = result_key(result.key)
        stored = await self._stored(name, body)
        await self.store.put(name, body, content_type=_JSON, metadata={"sha256": stored.sha256})
        if await self._read(name) != body:
            raise Unavailable("The bucket does not hold what was stored; trying again.", code="store_mismatch")
        await self.store.sync(name)
        return stored

    async def get(self, key: SessionKey) -> FoundResult | None:
        """Return a session's result, or None; raises UnreadableResultError for an object that is none of its own."""
        name = result_key(key)
        try:
            body = await self._read(name)
        except NotFound:
            return None
        result = await asyncio.to_thread(decode_result, body)
        if result.key != key:
            raise UnreadableResultError("the result is another session's")
        return FoundResult(result, await self._stored(name, body))

    async def exists(self, key: SessionKey) -> bool:
        """Whether there is an object under a session's key."""
        return await self.store.head(result_key(key)) is not None

    async def delete(self, key: SessionKey) -> None:
        """Delete a session's result; succeeds also if there is none."""
        await self.store.delete(result_key(key))

    async def _stored(self, name: str, body: bytes) -> StoredResult:
        return StoredResult(
            url=self.store.url(name),
            object_key=name,
            size_bytes=len(body),
            sha256=await hash_off_loop(_sha256, body),
        )

    async def _read(self, name: str) -> bytes:
        """Return an object's bytes; raises UnreadableResultError for more than a result may have."""
        body = bytearray()
        async with aclosing(self.store.read(name, last=_MOST_BYTES)) as pieces:
            async for piece in pieces:
                body += piece
        if len(body) > _MOST_BYTES:
            raise UnreadableResultError("larger than any result")
        return bytes(body)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
