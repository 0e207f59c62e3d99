"""Uploads one object to the bucket: a single put up to one part, else a multipart upload with equal parts.

An object is never whole in memory.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from shared.audio.wav import HEADER_BYTES, wav_header
from shared.domain.errors import RoomtoneError, Unavailable
from shared.process.tasks import hash_off_loop
from shared.storage.object_store import ObjectStore, UploadedPart

PART_BYTES = 5 * 1024 * 1024  # R2's minimum; all parts but the last must be equal
_IN_FLIGHT = 2  # a store that wants parts in order holds one while it writes the other
WAV_TYPE = "audio/wav"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the bucket, confirmed by the store; `size` in bytes, of a WAV with its header."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where an object goes (store and key), its content type, and the metadata that names its origin.

    `verification` is the check of the source files, which runs beside the upload: the upload is completed, and so the
    object visible, only after it has succeeded.
    """

    store: ObjectStore
    key: str
    content_type: str
    metadata: Mapping[str, str]
    verification: asyncio.Future[None]


async def upload_wav(target: UploadTarget, pcm: AsyncIterator[bytes], data_bytes: int) -> StoredObject:
    """Upload `data_bytes` bytes of samples as a WAV: header first, parts ascending. Raises Unavailable."""
    return await upload_object(target, _with_header(wav_header(data_bytes), pcm))


async def upload_object(target: UploadTarget, content: AsyncIterator[bytes]) -> StoredObject:
    """Upload bytes unchanged, parts ascending. Raises Unavailable."""
    digest = hashlib.sha256()
    async with _uploading(target) as upload:
        async for body in _split_into_parts(content):
            await hash_off_loop(digest.update, body)
            await upload.add(body)
    return StoredObject(upload.size, digest.hexdigest())


async def upload_wav_of_unknown_length(target: UploadTarget, pcm: AsyncIterator[bytes]) -> StoredObject:
    """Upload samples as a WAV while they are being decoded; the first part, which holds the header, is sent last.

    The SHA-256 needs the header first, so it is computed by reading the object back. Raises Unavailable.
    """
    bodies = _split_into_parts(_with_header(bytes(HEADER_BYTES), pcm))
    first = await anext(bodies)
    async with _uploading(target, first_number=2) as upload:
        async for body in bodies:
            await upload.add(body)
        header = wav_header(upload.size + len(first) - HEADER_BYTES)
        await upload.add(header + first[HEADER_BYTES:], number=1)
    return StoredObject(upload.size, await _read_back(target))


async def _with_header(header: bytes, pcm: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield header
    async for piece in pcm:
        yield piece


async def _split_into_parts(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Regroup a stream into bodies of exactly `PART_BYTES`; the last one may be shorter."""
    collected: list[bytes] = []
    size = 0
    async for piece in pieces:
        rest = piece
        while size + len(rest) >= PART_BYTES:
            taken = PART_BYTES - size
            body = b"".join([*collected, rest[:taken]])
            collected.clear()
            size, rest = 0, rest[taken:]
            yield body
        if rest:
            collected.append(rest)
            size += len(rest)
    if collected:
        yield b"".join(collected)


@asynccontextmanager
async def _uploading(target: UploadTarget, *, first_number: int = 1) -> AsyncIterator["_MultipartUpload"]:
    """Upload what is added inside the block; complete the upload at the block's end, or abort it on an error."""
    upload = _MultipartUpload(target, first_number)
    try:
        yield upload
        await upload.complete()
    except BaseException:
        await upload.abort()
        raise


class _MultipartUpload:
    """One object being uploaded: a single put if there is only one body, else parts, at most two of them under way."""

    def __init__(self, target: UploadTarget, first_number: int) -> None:
        self._target = target
        self._next = first_number
        self._held: tuple[int, bytes] | None = None
        self._upload: str | None = None
        self._parts: list[UploadedPart] = []
        self._sending: set[asyncio.Task[None]] = set()
        self.size = 0

    async def add(self, body: bytes, *, number: int | None = None) -> None:
        """Send the next part, or part `number`; the first body is held back, since it may be the only one."""
        if number is None:
            number, self._next = self._next, self._next + 1
        self.size += len(body)
        if self._upload is None:
            if self._held is None:
                self._held = (number, body)
                return
            target = self._target
            self._upload = await target.store.create_multipart_upload(
                target.key, content_type=target.content_type, metadata=target.metadata
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
        self._parts.append(await self._target.store.upload_part(self._target.key, upload, number, body))

    async def complete(self) -> None:
        """Wait for the verification, then make the object visible; raises Unavailable if it is not there afterwards.

        A single put's response says that the store checked its body. An object of parts is looked up: completing may
        have succeeded although its response was lost.
        """
        target = self._target
        await asyncio.shield(target.verification)
        if self._upload is None:
            _, body = self._held or (1, b"")
            await target.store.put(target.key, body, content_type=target.content_type, metadata=target.metadata)
            return
        await asyncio.gather(*self._sending)
        with suppress(Unavailable):
            await target.store.complete_multipart_upload(target.key, self._upload, self._parts)
        await _verify_object(target, self.size)

    async def abort(self) -> None:
        """Drop the parts that were sent; a store that can't be reached drops them by itself after days."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if self._upload is not None:
            with suppress(RoomtoneError):
                await self._target.store.abort_multipart_upload(self._target.key, self._upload)


async def _verify_object(target: UploadTarget, size: int) -> None:
    """Raise Unavailable unless the object is ours by size and, where the store remembers it, by its metadata."""
    info = await target.store.head(target.key)
    if info is None or info.size != size or (info.metadata and dict(info.metadata) != dict(target.metadata)):
        raise Unavailable("The bucket does not hold what was uploaded; trying again.", code="store_mismatch")


async def _read_back(target: UploadTarget) -> str:
    digest = hashlib.sha256()
    async for piece in target.store.read(target.key):
        digest.update(piece)
    return digest.hexdigest()
