"""A session's recording as local files: its chunks in the spool, or a temporary copy of its document in the bucket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from services.assembler.chunk_files import ChunkFiles, open_chunks, open_single_file
from shared.domain.errors import NotFound, Permanent
from shared.domain.manifest import Manifest
from shared.domain.upload_kind import RegisteredDocument
from shared.storage.durable_files import TemporaryFile
from shared.storage.object_store import ObjectStore
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """A recording as files; `sha256` of the whole recording is known where it was read for the copy, else empty.

    `verification` is done once every chunk is known to be what was acknowledged; it raises Permanent for one that is
    missing or changed.
    """

    recording: ChunkFiles
    verification: asyncio.Future[None]
    sha256: str = ""


@asynccontextmanager
async def open_recording_files(
    directory: SessionDirectory, manifest: Manifest, store: ObjectStore, spool: Spool
) -> AsyncIterator[RecordingFiles]:
    """Open a session's recording for the length of the block; a copy is deleted after it, also after a crash.

    Raises Permanent for a chunk that is missing or changed and for an object that is gone or changed, and
    Unavailable when the store is away.
    """
    if manifest.original is None or not manifest.original.in_bucket:
        recording = await asyncio.to_thread(open_chunks, directory, manifest)
        async with _verify_beside(recording) as verification:
            yield RecordingFiles(recording, verification)
        return
    copy = await asyncio.to_thread(TemporaryFile, spool.temporaries, named=True)
    try:
        size, sha256 = await _copy(store, manifest.original.object_key, copy, expected=_registered_size(manifest))
        recording = await asyncio.to_thread(open_single_file, copy.path, size)
        async with _verify_beside(recording) as verification:
            yield RecordingFiles(recording, verification, sha256)
    finally:
        await asyncio.to_thread(copy.discard)


@asynccontextmanager
async def _verify_beside(recording: ChunkFiles) -> AsyncIterator[asyncio.Future[None]]:
    """Verify the chunks' hashes in a thread beside the block, and wait for the thread at the block's end."""
    if not recording.unverified:
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        yield done
        return
    verification = asyncio.create_task(asyncio.to_thread(recording.verify_hashes))
    try:
        yield verification
    finally:
        await asyncio.gather(verification, return_exceptions=True)  # code that needs the result has awaited it


def _registered_size(manifest: Manifest) -> int | None:
    return manifest.purpose.size_bytes if isinstance(manifest.purpose, RegisteredDocument) else None


async def _copy(store: ObjectStore, key: str, target: TemporaryFile, *, expected: int | None) -> tuple[int, str]:
    """Copy an object into a file and return its size and SHA-256; raises Permanent unless it has `expected` bytes."""
    # Its presigned upload URL may have been used again after the registration, for a far larger object.
    digest = hashlib.sha256()
    size = 0
    try:
        async with aclosing(store.read(key)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if expected is not None and size > expected:
                    raise _changed()
                await asyncio.to_thread(partial(target.write, [piece]))
                digest.update(piece)
    except NotFound as exc:
        raise Permanent("The document is no longer in the bucket.", code="object_missing") from exc
    if expected is not None and size != expected:
        raise _changed()
    return size, digest.hexdigest()


def _changed() -> Permanent:
    return Permanent("The document is not the one that was registered: it has another size.", code="object_changed")
