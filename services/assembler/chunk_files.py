"""The chunks of a manifest as files, and the proof that they are what was acknowledged."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.audio.pcm import SAMPLE_BYTES
from shared.audio.sniff import SIGNATURE_BYTES, ChunkSignature, read_signature
from shared.domain.errors import Permanent
from shared.domain.manifest import Chunk, Manifest
from shared.storage.session_directory import SessionDirectory

_READ = 1024 * 1024
_SMALL = 64 * 1024  # read whole at the first look: opening a file costs more than hashing that much


@dataclass(frozen=True, slots=True)
class ChunkFile:
    """A chunk that is there; `size` in bytes, `beginning` is what its first bytes tell."""

    path: Path
    size: int
    beginning: ChunkSignature


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """A recording's chunks in order, and the recording's first bytes; `unproved` have yet to be hashed."""

    files: Sequence[ChunkFile]
    first_bytes: bytes
    unverified: Sequence[tuple[Path, Chunk]] = ()

    def verify_hashes(self) -> None:
        """Hash the chunks that were only looked at; blocks. Raises Permanent for one that is not what it was."""
        for path, chunk in self.unverified:
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256")
            except FileNotFoundError as exc:
                raise _missing(chunk) from exc
            if digest.hexdigest() != chunk.sha256:
                raise _changed(chunk)


def open_chunks(directory: SessionDirectory, manifest: Manifest) -> ChunkFiles:
    """Look at every chunk of the manifest and return them in order; blocks.

    Small ones are hashed at once. The others are to be proved beside the work that is made of them, and before
    anyone can see it. Raises Permanent for a chunk that is missing or is not what was acknowledged.
    """
    files: list[ChunkFile] = []
    unproved: list[tuple[Path, Chunk]] = []
    opening = b""
    for chunk in manifest.chunks:
        path = directory.chunk(chunk.index)
        head = _head(path, chunk)
        if chunk.size > _SMALL:
            unproved.append((path, chunk))
        if len(opening) < SIGNATURE_BYTES:
            opening += head  # only a short chunk is all head, so what follows belongs behind it
        files.append(ChunkFile(path, chunk.size, read_signature(head)))
    return ChunkFiles(files, opening[:SIGNATURE_BYTES], unproved)


def _head(path: Path, chunk: Chunk) -> bytes:
    small = chunk.size <= _SMALL
    try:
        with path.open("rb", buffering=0) as file:
            content = file.read(chunk.size + 1 if small else SIGNATURE_BYTES)
    except FileNotFoundError as exc:
        raise _missing(chunk) from exc
    if small and hashlib.sha256(content).hexdigest() != chunk.sha256:
        raise _changed(chunk)
    return content[:SIGNATURE_BYTES]


def _missing(chunk: Chunk) -> Permanent:
    return Permanent(f"Chunk {chunk.index} is missing from the spool.", code="missing_chunk")


def _changed(chunk: Chunk) -> Permanent:
    return Permanent(f"Chunk {chunk.index} changed on disk after it was stored.", code="corrupt_chunk")


def open_single_file(path: Path, size: int) -> ChunkFiles:
    """Look at a recording that is one file; blocks."""
    with path.open("rb") as file:
        head = file.read(SIGNATURE_BYTES)
    return ChunkFiles([ChunkFile(path, size, read_signature(head))], head)


def samples(files: Sequence[ChunkFile]) -> AsyncIterator[bytes]:
    """Yield headerless PCM in order, about a mebibyte at a time; half a sample at the very end is dropped."""
    size = sum(file.size for file in files)
    return contents(files, size - size % SAMPLE_BYTES)


async def contents(files: Sequence[ChunkFile], size: int) -> AsyncIterator[bytes]:
    """Yield the first `size` bytes of all files in order, about a mebibyte at a time, however small the files."""
    pieces = _pieces(files, size)
    left = size
    while left > 0 and (piece := await asyncio.to_thread(_next_mebibyte, pieces)):
        left -= len(piece)
        yield piece


def _next_mebibyte(pieces: Iterator[bytes]) -> bytes:
    """Return the next mebibyte or a little more, less at the end: one thread's turn for many small chunks."""
    gathered: list[bytes] = []
    size = 0
    while size < _READ and (piece := next(pieces, b"")):
        gathered.append(piece)
        size += len(piece)
    return b"".join(gathered)


def _pieces(files: Sequence[ChunkFile], size: int) -> Iterator[bytes]:
    left = size
    for chunk in files:
        with chunk.path.open("rb", buffering=0) as file:
            while left and (piece := file.read(min(_READ, left))):
                left -= len(piece)
                yield piece
