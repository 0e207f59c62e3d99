"""Decoded samples on disk for a store that wants parts in order: the header must be known before the first."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spill:
    """Samples in a file without a name; `size` in bytes."""

    fd: int
    size: int

    async def read(self) -> AsyncIterator[bytes]:
        """Yield the samples in order, a mebibyte at a time."""
        offset = 0
        while piece := await asyncio.to_thread(os.pread, self.fd, _READ, offset):
            offset += len(piece)
            yield piece


@asynccontextmanager
async def spilled(pcm: AsyncIterator[bytes], directory: Path) -> AsyncIterator[Spill]:
    """Write all of `pcm` to disk; the file has no name, so that not even a crash leaves it behind."""
    path = directory / f"spill-{os.getpid()}-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        path.unlink()
        size = 0
        async for piece in pcm:
            await asyncio.to_thread(_write_whole, fd, piece)
            size += len(piece)
        yield Spill(fd, size)
    finally:
        os.close(fd)


def _write_whole(fd: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(fd, rest) :]
