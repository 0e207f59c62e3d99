"""One chunk on its way to the disk: gathered, hashed and written in few large steps off the event loop."""

import asyncio
import hashlib
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from shared.durable import TemporaryFile
from shared.tasks import to_the_end

_MOST = 1024 * 1024  # a hop to a thread costs tens of microseconds: take a mebibyte along each time
_LEAST = 128 * 1024
_TOGETHER = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """A chunk whose bytes are durable under a temporary name; `size` in bytes."""

    file: TemporaryFile
    size: int
    sha256: str


class Gathering:
    """How much each open chunk may gather before it is written: less each, the more of them there are."""

    def __init__(self) -> None:
        self.open = 0

    @property
    def share(self) -> int:
        """Bytes that one chunk may hold now."""
        return max(_LEAST, min(_MOST, _TOGETHER // max(1, self.open)))


class ChunkWriter:
    """Collects pieces and writes them in large steps; holds each byte once."""

    def __init__(self, temporaries: Path, executor: Executor, gathering: Gathering) -> None:
        self._temporaries = temporaries
        self._executor = executor
        self._gathering = gathering
        self._file: TemporaryFile | None = None
        self._gathered: list[bytes] = []
        self._size = 0
        self._hash = hashlib.sha256()
        self.pending = 0
        gathering.open += 1

    async def add(self, piece: bytes) -> None:
        """Take a piece; returns after a disk write once enough has gathered, which slows the sender down."""
        self._gathered.append(piece)
        self.pending += len(piece)
        if self.pending >= self._gathering.share:
            loop = asyncio.get_running_loop()
            await to_the_end(loop.run_in_executor(self._executor, self.finish))

    def close(self) -> None:
        """Give the share back to the others."""
        self._gathering.open -= 1

    def finish(self) -> None:
        """Write what has gathered; blocks."""
        pieces, self._gathered, self.pending = self._gathered, [], 0
        if self._file is None:
            self._file = TemporaryFile(self._temporaries)
        self._file.write(pieces)
        for piece in pieces:
            self._hash.update(piece)
            self._size += len(piece)

    def sync(self) -> None:
        """Force the bytes to the disk; blocks. After a failure the file must be given up, never synced again."""
        self._written.sync()

    def sealed(self) -> SealedChunk:
        """Describe what was finished and synced."""
        return SealedChunk(self._written, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        """Remove the temporary name; blocks. What got its final name stays."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    @property
    def _written(self) -> TemporaryFile:
        if self._file is None:
            raise ValueError("nothing was finished yet")
        return self._file
