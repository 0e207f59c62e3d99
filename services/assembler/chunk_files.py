"""The chunks of a manifest as files, and the check of their SHA-256 against the manifest."""

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
_SMALL = 64 * 1024  # read whole and hashed when it is opened: opening a file costs more than hashing that much


@dataclass(frozen=True, slots=True)
class ChunkFile:
    """A chunk's file; `size` in bytes, `signature` is which container its first bytes begin, if any."""

    path: Path
    size: int
    signature: ChunkSignature


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """A recording's chunks in order, and the recording's first bytes; the chunks in `unverified` are not hashed yet."""

    files: Sequence[ChunkFile]
    first_bytes: bytes
    unverified: Sequence[tuple[Path, Chunk]] = ()

    def verify_hashes(self) -> None:
        """Hash the chunks in `unverified`; blocks. Raises Permanent for one that is missing or changed."""
        for path, chunk in self.unverified:
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256")
            except FileNotFoundError as exc:
                raise _missing(chunk) from exc
            if digest.hexdigest() != chunk.sha256:
                raise _changed(chunk)


def open_chunks(directory: SessionDirectory, manifest: Manifest) -> ChunkFiles:
    """Read the first bytes of every chunk of the manifest and return those with bytes in order; blocks.

    Chunks of up to 64 KiB are hashed at once. The others stand in `unverified`: hash them beside the work, and before
    its result becomes visible. Raises Permanent for a chunk that is missing or is not what was acknowledged.
    """
    files: list[ChunkFile] = []
    unverified: list[tuple[Path, Chunk]] = []
    first_bytes = b""
    for chunk in manifest.chunks:
        path = directory.chunk(chunk.index)
        head = _head(path, chunk)
        if chunk.size > _SMALL:
            unverified.append((path, chunk))
        if len(first_bytes) < SIGNATURE_BYTES:
            first_bytes += head  # only a short chunk is all head, so what follows belongs behind it
        if chunk.size:
            files.append(ChunkFile(path, chunk.size, read_signature(head)))
    return ChunkFiles(files, first_bytes[:SIGNATURE_BYTES], unverified)


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


def read_at(files: Sequence[ChunkFile], size: int, number: int, offset: int) -> bytes:
    """Return up to `size` bytes at an offset from the first byte of the file with this number; blocks."""
    content = b""
    for file in files[number:]:
        if offset < file.size and len(content) < size:
            with file.path.open("rb") as opened:
                opened.seek(offset)
                content += opened.read(size - len(content))
        offset = max(offset - file.size, 0)
    return content


def _missing(chunk: Chunk) -> Permanent:
    return Permanent(f"Chunk {chunk.index} is missing from the spool.", code="missing_chunk")


def _changed(chunk: Chunk) -> Permanent:
    return Permanent(f"Chunk {chunk.index} changed on disk after it was stored.", code="corrupt_chunk")


def open_single_file(path: Path, size: int) -> ChunkFiles:
    """Return a recording that is one file of `size` bytes; there is nothing to verify. Blocks."""
    with path.open("rb") as file:
        head = file.read(SIGNATURE_BYTES)
    return ChunkFiles([ChunkFile(path, size, read_signature(head))], head)


def samples(files: Sequence[ChunkFile]) -> AsyncIterator[bytes]:
    """Yield headerless PCM in order, about 1 MiB at a time; half a sample at the very end is dropped."""
    size = sum(file.size for file in files)
    return contents(files, size - size % SAMPLE_BYTES)


async def contents(files: Sequence[ChunkFile], size: int) -> AsyncIterator[bytes]:
    """Yield the first `size` bytes of all files in order, about 1 MiB at a time, however small the files."""
    pieces = _pieces(files, size)
    left = size
    while left > 0 and (piece := await asyncio.to_thread(_next_mebibyte, pieces)):
        left -= len(piece)
        yield piece


def _next_mebibyte(pieces: Iterator[bytes]) -> bytes:
    """Return the next 1 MiB or a little more, less at the end; blocks, once for many small chunks."""
    collected: list[bytes] = []
    size = 0
    while size < _READ and (piece := next(pieces, b"")):
        collected.append(piece)
        size += len(piece)
    return b"".join(collected)


def _pieces(files: Sequence[ChunkFile], size: int) -> Iterator[bytes]:
    left = size
    for chunk in files:
        with chunk.path.open("rb", buffering=0) as file:
            while left and (piece := file.read(min(_READ, left))):
                left -= len(piece)
                yield piece
