"""One chunk on its way to the disk: gathered, hashed and written in few large steps off the event loop."""

import asyncio
import hashlib
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from shared.durable import TemporaryFile

_GATHER = 1024 * 1024  # a hop to a thread costs tens of microseconds: take a mebibyte along each time


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """A chunk whose bytes are durable under a temporary name; `size` in bytes."""

    file: TemporaryFile
    size: int
    sha256: str


class ChunkWriter:
    """Collects pieces and writes them about a mebibyte at a time; holds each byte once."""

    def __init__(self, temporaries: Path, executor: Executor) -> None:
        self._temporaries = temporaries
        self._executor = executor
        self._file: TemporaryFile | None = None
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._size = 0
        self._hash = hashlib.sha256()

    async def add(self, piece: bytes) -> None:
        """Take a piece; returns after a disk write once enough has gathered, which slows the sender down."""
        self._pending.append(piece)
        self._pending_size += len(piece)
        if self._pending_size >= _GATHER:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._executor, self._flush)

    def seal(self) -> SealedChunk:
        """Write the rest and fsync; blocks. After a failure the file must be given up, never synced again."""
        self._flush()
        file = self._opened()
        file.sync()
        return SealedChunk(file, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        """Remove the temporary name; blocks. What got its final name stays."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    def _flush(self) -> None:
        pieces, self._pending, self._pending_size = self._pending, [], 0
        self._opened().write(pieces)
        for piece in pieces:
            self._hash.update(piece)
            self._size += len(piece)

    def _opened(self) -> TemporaryFile:
        if self._file is None:
            self._file = TemporaryFile(self._temporaries)
        return self._file
