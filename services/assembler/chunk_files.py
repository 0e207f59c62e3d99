"""The chunks of a manifest as files: each checked against its hash before anything is made of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.audio.pcm import SAMPLE_BYTES
from shared.audio.sniff import HEAD, Beginning, beginning
from shared.errors import Permanent
from shared.manifest import Chunk, Manifest
from shared.spool import SessionDirectory

_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChunkFile:
    """A chunk that is there and whole; `size` in bytes, `beginning` is what its first bytes tell."""

    path: Path
    size: int
    beginning: Beginning


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """A recording's chunks in order, and the recording's first bytes."""

    files: Sequence[ChunkFile]
    opening: bytes


def open_chunks(directory: SessionDirectory, manifest: Manifest) -> ChunkFiles:
    """Check every chunk of the manifest and return them in order; blocks.

    Raises Permanent for a chunk that is missing or is not what was acknowledged.
    """
    files: list[ChunkFile] = []
    opening = b""
    for chunk in manifest.chunks:
        path = directory.chunk(chunk.index)
        head = _checked_head(path, chunk)
        if len(opening) < HEAD:
            opening += head  # only a short chunk is all head, so what follows belongs behind it
        files.append(ChunkFile(path, chunk.size, beginning(head)))
    return ChunkFiles(files, opening[:HEAD])


def _checked_head(path: Path, chunk: Chunk) -> bytes:
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
    return head


def one_file(path: Path, size: int) -> ChunkFiles:
    """Look at a recording that is one file; blocks."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return ChunkFiles([ChunkFile(path, size, beginning(head))], head)


def samples(files: Sequence[ChunkFile]) -> AsyncIterator[bytes]:
    """Yield headerless PCM in order, read a mebibyte at a time; half a sample at the very end is dropped."""
    size = sum(file.size for file in files)
    return contents(files, size - size % SAMPLE_BYTES)


async def contents(files: Sequence[ChunkFile], size: int) -> AsyncIterator[bytes]:
    """Yield the first `size` bytes of all files in order, read a mebibyte at a time."""
    left = size
    for chunk in files:
        with chunk.path.open("rb") as file:
            while left and (piece := await asyncio.to_thread(file.read, min(_READ, left))):
                left -= len(piece)
                yield piece
