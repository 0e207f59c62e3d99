"""A WAV in the making on disk, for a store that wants parts in order: the header must be known before the first."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.audio.pcm import SAMPLE_BYTES
from shared.audio.wav import HEADER_BYTES, wav_header

_READ = 5 * 1024 * 1024  # a part of an upload


@dataclass(frozen=True, slots=True)
class SpillFile:
    """A file without a name; its offset stands behind the room for the header, and samples are appended there."""

    fd: int

    @property
    def samples_bytes(self) -> int:
        """How many bytes of samples are there, half a sample at the end not counted."""
        size = max(0, os.fstat(self.fd).st_size - HEADER_BYTES)
        return size - size % SAMPLE_BYTES

    def truncate_to_whole_sample(self) -> None:
        """Drop the half of a sample that a decoder may have left when it died."""
        os.ftruncate(self.fd, os.lseek(self.fd, HEADER_BYTES + self.samples_bytes, os.SEEK_SET))

    async def wav(self) -> AsyncIterator[bytes]:
        """Yield the whole file, its header first, in large pieces."""
        samples = self.samples_bytes
        os.pwrite(self.fd, wav_header(samples), 0)
        for offset in range(0, HEADER_BYTES + samples, _READ):
            yield await asyncio.to_thread(os.pread, self.fd, min(_READ, HEADER_BYTES + samples - offset), offset)


@contextmanager
def open_spill_file(directory: Path) -> Iterator[SpillFile]:
    """Give a file for samples inside the block; it has no name, so that not even a crash leaves it behind."""
    path = directory / f"spill-{os.getpid()}-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        path.unlink()
        os.lseek(fd, HEADER_BYTES, os.SEEK_SET)
        yield SpillFile(fd)
    finally:
        os.close(fd)
