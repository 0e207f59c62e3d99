"""A chunk in a temporary file: buffered, hashed and written in few large steps off the event loop."""

import asyncio
import hashlib
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from services.ingest.intake.admission import UploadReservation
from shared.process.tasks import run_blocking, wait_uncancelled
from shared.storage.durable_files import TemporaryFile


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A chunk whose bytes are durable under a temporary name; `size` in bytes."""

    file: TemporaryFile
    size: int
    sha256: str


class StagedChunk:
    """Buffers pieces and writes them in large steps; holds each byte once.

    As an async context manager it removes its temporary file when the block raises, until it is handed over to a batch,
    which then owns the file. `pending` is how many bytes are buffered and not written.
    """

    def __init__(self, temporaries: Path, executor: Executor, reservation: UploadReservation) -> None:
        self._temporaries = temporaries
        self._executor = executor
        self._reservation = reservation
        self._file: TemporaryFile | None = None
        self._buffered: list[bytes] = []
        self._size = 0
        self._hash = hashlib.sha256()
        self._handed_over = False
        self.pending = 0

    async def __aenter__(self) -> Self:
        """Return itself; the file is made with the first bytes."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Discard the file after an error, also while being cancelled."""
        if kind is not None and self._file is not None and not self._handed_over:
            await wait_uncancelled(asyncio.ensure_future(run_blocking(self._executor, self.discard)))

    def hand_over(self) -> None:
        """Give the file to the batch of a group commit, which discards it at its end."""
        self._handed_over = True

    async def write(self, piece: bytes) -> None:
        """Take a piece; returns after a disk write once enough is buffered, which slows the sender down."""
        self._buffered.append(piece)
        self.pending += len(piece)
        if self.pending > self._reservation.buffer_size:
            loop = asyncio.get_running_loop()
            await wait_uncancelled(loop.run_in_executor(self._executor, self._write_early))

    def _write_early(self) -> None:
        self.flush()
        self._written.start_writeback()

    def flush(self) -> None:
        """Write what is buffered; blocks. Raises what `UploadReservation.take` raises, and OSError."""
        self._reservation.take(self.pending)
        pieces, self._buffered, self.pending = self._buffered, [], 0
        if self._file is None:
            self._file = TemporaryFile(self._temporaries)
        self._file.write(pieces)
        for piece in pieces:
            self._hash.update(piece)
            self._size += len(piece)

    def sync(self) -> None:
        """Force the bytes to the disk; blocks. After a failure the file must be discarded, never synced again."""
        self._written.sync()

    def staged_file(self) -> StagedFile:
        """Return what was flushed and synced."""
        return StagedFile(self._written, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        """Remove the temporary name; blocks. What was given its final name stays."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    @property
    def _written(self) -> TemporaryFile:
        if self._file is None:
            raise ValueError("nothing was flushed yet")
        return self._file
