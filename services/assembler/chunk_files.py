"""The chunks of a manifest as files: each checked against its hash before anything is made of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.audio.pcm import SAMPLE_BYTES
from shared.audio.sniff import HEAD
from shared.errors import Permanent
from shared.manifest import Chunk, Manifest
from shared.spool import SessionDirectory

_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChunkFile:
    """A chunk that is there and whole; `head` is its first bytes, `size` in bytes."""

    path: Path
    size: int
    head: bytes


def open_chunks(directory: SessionDirectory, manifest: Manifest) -> list[ChunkFile]:
    """Check every chunk of the manifest and return them in order; blocks.

    Raises Permanent for a chunk that is missing or is not what was acknowledged.
    """
    return [_checked(directory.chunk(chunk.index), chunk) for chunk in manifest.chunks]


def _checked(path: Path, chunk: Chunk) -> ChunkFile:
    digest = hashlib.sha256()
    head = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_READ):
                head = head or piece[:HEAD]
                digest.update(piece)
    except FileNotFoundError as exc:
        raise Permanent(f"Chunk {chunk.index} is missing from the spool.", code="missing_chunk") from exc
    if digest.hexdigest() != chunk.sha256:
        raise Permanent(f"Chunk {chunk.index} changed on disk after it was stored.", code="corrupt_chunk")
    return ChunkFile(path, chunk.size, head)


async def samples(files: Sequence[ChunkFile]) -> AsyncIterator[bytes]:
    """Yield headerless PCM in order, read a mebibyte at a time; half a sample at the very end is dropped."""
    left = sum(file.size for file in files)
    left -= left % SAMPLE_BYTES
    for chunk in files:
        with chunk.path.open("rb") as file:
            while left and (piece := await asyncio.to_thread(file.read, min(_READ, left))):
                left -= len(piece)
                yield piece
