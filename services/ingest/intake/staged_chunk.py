"""One chunk on its way to the disk: gathered, hashed and written in few large steps off the event loop."""

import asyncio
import hashlib
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from services.ingest.intake.admission import UploadReservation
from shared.process.tasks import wait_uncancelled
from shared.storage.durable_files import TemporaryFile


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A chunk whose bytes are durable under a temporary name; `size` in bytes."""

    file: TemporaryFile
    size: int
    sha256: str


class StagedChunk:
    """Collects pieces and writes them in large steps; holds each byte once."""

    def __init__(self, temporaries: Path, executor: Executor, arrival: UploadReservation) -> None:
        self._temporaries = temporaries
        self._executor = executor
        self._arrival = arrival
        self._file: TemporaryFile | None = None
        self._gathered: list[bytes] = []
        self._size = 0
        self._hash = hashlib.sha256()
        self.pending = 0

    async def write(self, piece: bytes) -> None:
        """Take a piece; returns after a disk write once enough has gathered, which slows the sender down."""
        self._gathered.append(piece)
        self.pending += len(piece)
        if self.pending > self._arrival.buffer_size:
            loop = asyncio.get_running_loop()
            await wait_uncancelled(loop.run_in_executor(self._executor, self._write_early))

    def _write_early(self) -> None:
        self.flush()
        self._written.start_writeback()

    def flush(self) -> None:
        """Write what has gathered; blocks. Raises what `UploadReservation.take` raises, and OSError."""
        self._arrival.take(self.pending)
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

    def staged_file(self) -> StagedFile:
        """Describe what was finished and synced."""
        return StagedFile(self._written, self._size, self._hash.hexdigest())

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
