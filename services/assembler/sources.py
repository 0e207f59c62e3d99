"""What a session received, as files: its chunks in the spool, or a copy of what its client put into the bucket."""

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
    """A recording as files; `sha256` of the whole is known where it was read for the copy, else empty.

    `proof` is done once every chunk is known to be what was acknowledged; it raises Permanent for one that is not.
    """

    recording: ChunkFiles
    verification: asyncio.Future[None]
    sha256: str = ""


@asynccontextmanager
async def open_recording_files(
    directory: SessionDirectory, manifest: Manifest, store: ObjectStore, spool: Spool
) -> AsyncIterator[RecordingFiles]:
    """Give a session's recording inside the block; a copy is gone after it, also after a crash.

    Raises Permanent for a chunk that is missing or changed and for an object that is gone or changed, and
    Unavailable when the store is away.
    """
    if manifest.original is None or not manifest.original.in_bucket:
        recording = await asyncio.to_thread(open_chunks, directory, manifest)
        async with _verify_beside(recording) as proof:
            yield RecordingFiles(recording, proof)
        return
    copy = await asyncio.to_thread(TemporaryFile, spool.temporaries, named=True)
    try:
        size, sha256 = await _copy(store, manifest.original.object_key, copy, expected=_registered_size(manifest))
        recording = await asyncio.to_thread(open_single_file, copy.path, size)
        async with _verify_beside(recording) as proof:
            yield RecordingFiles(recording, proof, sha256)
    finally:
        await asyncio.to_thread(copy.discard)


@asynccontextmanager
async def _verify_beside(recording: ChunkFiles) -> AsyncIterator[asyncio.Future[None]]:
    """Prove the chunks in a thread beside the block, which ends only when the thread has; small ones are proved."""
    if not recording.unverified:
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        yield done
        return
    proof = asyncio.create_task(asyncio.to_thread(recording.verify_hashes))
    try:
        yield proof
    finally:
        await asyncio.gather(proof, return_exceptions=True)  # who needs it has asked for it


def _registered_size(manifest: Manifest) -> int | None:
    return manifest.purpose.size_bytes if isinstance(manifest.purpose, RegisteredDocument) else None


async def _copy(store: ObjectStore, key: str, to: TemporaryFile, *, expected: int | None) -> tuple[int, str]:
    """Copy an object of `expected` bytes: the address it was sent to may have been used again, for far more."""
    digest = hashlib.sha256()
    size = 0
    try:
        async with aclosing(store.read(key)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if expected is not None and size > expected:
                    raise _changed()
                await asyncio.to_thread(partial(to.write, [piece]))
                digest.update(piece)
    except NotFound as exc:
        raise Permanent("The document is no longer in the bucket.", code="object_missing") from exc
    if expected is not None and size != expected:
        raise _changed()
    return size, digest.hexdigest()


def _changed() -> Permanent:
    return Permanent("The document is not the one that was registered: it has another size.", code="object_changed")
