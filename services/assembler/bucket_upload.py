"""A recording's way into the bucket: one request if it is small, equal parts if not, never whole in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from shared.audio.wav import HEADER_BYTES, wav_header
from shared.domain.errors import RoomtoneError, Unavailable
from shared.process.tasks import hash_off_loop
from shared.storage.object_store import ObjectStore, UploadedPart

PART_BYTES = 5 * 1024 * 1024  # R2's least; all parts but the last must be equal
_IN_FLIGHT = 2  # a store that wants parts in order holds one while it writes the other
WAV_TYPE = "audio/wav"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the bucket, confirmed by the store; `size` in bytes, of a WAV with its header."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where an object goes, what it is, and what it says of its origin.

    `proof` is the check of what the object is made of, under way beside it: the object is not to be seen before.
    """

    store: ObjectStore
    key: str
    content_type: str
    metadata: Mapping[str, str]
    verification: asyncio.Future[None]


async def upload_wav(to: UploadTarget, pcm: AsyncIterator[bytes], data_bytes: int) -> StoredObject:
    """Upload samples whose number is known: header first, parts ascending. Raises Unavailable."""
    return await upload_object(to, _with_header(wav_header(data_bytes), pcm))


async def upload_object(to: UploadTarget, content: AsyncIterator[bytes]) -> StoredObject:
    """Upload bytes as they are, parts ascending. Raises Unavailable."""
    digest = hashlib.sha256()
    async with _uploading(to) as upload:
        async for body in _split_into_parts(content):
            await hash_off_loop(digest.update, body)
            await upload.add(body)
    return StoredObject(upload.size, digest.hexdigest())


async def upload_wav_of_unknown_length(to: UploadTarget, pcm: AsyncIterator[bytes]) -> StoredObject:
    """Upload samples while they are still being decoded: the first part, which holds the header, goes last.

    The file's hash needs the header first, so it is taken by reading the object back. Raises Unavailable.
    """
    bodies = _split_into_parts(_with_header(bytes(HEADER_BYTES), pcm))
    first = await anext(bodies)
    async with _uploading(to, first_number=2) as upload:
        async for body in bodies:
            await upload.add(body)
        header = wav_header(upload.size + len(first) - HEADER_BYTES)
        await upload.add(header + first[HEADER_BYTES:], number=1)
    return StoredObject(upload.size, await _read_back(to))


async def _with_header(header: bytes, pcm: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield header
    async for piece in pcm:
        yield piece


async def _split_into_parts(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Regroup a stream into bodies of exactly `PART_BYTES`, the last one shorter."""
    gathered: list[bytes] = []
    size = 0
    async for piece in pieces:
        rest = piece
        while size + len(rest) >= PART_BYTES:
            taken = PART_BYTES - size
            body = b"".join([*gathered, rest[:taken]])
            gathered.clear()
            size, rest = 0, rest[taken:]
            yield body
        if rest:
            gathered.append(rest)
            size += len(rest)
    if gathered:
        yield b"".join(gathered)


@asynccontextmanager
async def _uploading(to: UploadTarget, *, first_number: int = 1) -> AsyncIterator["_MultipartUpload"]:
    """Upload what is added inside the block; complete it at the block's end, or drop it on an error."""
    upload = _MultipartUpload(to, first_number)
    try:
        yield upload
        await upload.complete()
    except BaseException:
        await upload.abort()
        raise


class _MultipartUpload:
    """One object on its way: a single put if one body is all there is, else parts, a few under way at most."""

    def __init__(self, to: UploadTarget, first_number: int) -> None:
        self._to = to
        self._next = first_number
        self._held: tuple[int, bytes] | None = None
        self._upload: str | None = None
        self._parts: list[UploadedPart] = []
        self._sending: set[asyncio.Task[None]] = set()
        self.size = 0

    async def add(self, body: bytes, *, number: int | None = None) -> None:
        """Send the next part, or part `number`; the very first body is held back in case it stays alone."""
        if number is None:
            number, self._next = self._next, self._next + 1
        self.size += len(body)
        if self._upload is None:
            if self._held is None:
                self._held = (number, body)
                return
            to = self._to
            self._upload = await to.store.create_multipart_upload(
                to.key, content_type=to.content_type, metadata=to.metadata
            )
            held, self._held = self._held, None
            await self._send(self._upload, *held)
        await self._send(self._upload, number, body)

    async def _send(self, upload: str, number: int, body: bytes) -> None:
        if len(self._sending) >= _IN_FLIGHT:
            done, self._sending = await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        self._sending.add(asyncio.create_task(self._put(upload, number, body)))

    async def _put(self, upload: str, number: int, body: bytes) -> None:
        self._parts.append(await self._to.store.upload_part(self._to.key, upload, number, body))

    async def complete(self) -> None:
        """Make the object; one of parts is looked up: completing may have worked although its answer was lost, or not.

        A single put's answer says all: its body was checked.
        """
        to = self._to
        await asyncio.shield(to.verification)
        if self._upload is None:
            _, body = self._held or (1, b"")
            await to.store.put(to.key, body, content_type=to.content_type, metadata=to.metadata)
            return
        await asyncio.gather(*self._sending)
        with suppress(Unavailable):
            await to.store.complete_multipart_upload(to.key, self._upload, self._parts)
        await _verify_object(to, self.size)

    async def abort(self) -> None:
        """Drop what was sent; a store that can't be told drops it by itself after days."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if self._upload is not None:
            with suppress(RoomtoneError):
                await self._to.store.abort_multipart_upload(self._to.key, self._upload)


async def _verify_object(to: UploadTarget, size: int) -> None:
    """Raise Unavailable unless the object is ours by size and, where the store remembers it, by its metadata."""
    info = await to.store.head(to.key)
    if info is None or info.size != size or (info.metadata and dict(info.metadata) != dict(to.metadata)):
        raise Unavailable("The bucket does not hold what was uploaded; trying again.", code="store_mismatch")


async def _read_back(to: UploadTarget) -> str:
    digest = hashlib.sha256()
    async for piece in to.store.read(to.key):
        digest.update(piece)
    return digest.hexdigest()
