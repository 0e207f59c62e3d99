"""Decoded WAV in an unnamed file, for stores that need parts in order: the header's size is known only at the end."""

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
    """An unnamed file; the first 44 bytes are left free for the header, and samples are appended at its offset."""

    fd: int

    @property
    def samples_bytes(self) -> int:
        """Bytes of samples in the file; half a sample at the end is not counted."""
        size = max(0, os.fstat(self.fd).st_size - HEADER_BYTES)
        return size - size % SAMPLE_BYTES

    def truncate_to_whole_sample(self) -> None:
        """Drop the half sample that a decoder may have left when it died."""
        os.ftruncate(self.fd, os.lseek(self.fd, HEADER_BYTES + self.samples_bytes, os.SEEK_SET))

    async def wav(self) -> AsyncIterator[bytes]:
        """Write the header, then yield the whole file in pieces of 5 MiB."""
        samples = self.samples_bytes
        os.pwrite(self.fd, wav_header(samples), 0)
        for offset in range(0, HEADER_BYTES + samples, _READ):
            yield await asyncio.to_thread(os.pread, self.fd, min(_READ, HEADER_BYTES + samples - offset), offset)


@contextmanager
def open_spill_file(directory: Path) -> Iterator[SpillFile]:
    """Open a spill file for the length of the block; it is unlinked at once, so that no crash leaves it behind."""
    path = directory / f"spill-{os.getpid()}-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        path.unlink()
        os.lseek(fd, HEADER_BYTES, os.SEEK_SET)
        yield SpillFile(fd)
    finally:
        os.close(fd)
