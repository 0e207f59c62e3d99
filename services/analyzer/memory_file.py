"""An in-memory file (memfd) that can be passed to a child process; it goes with the last process that has it open."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shared.audio.source import OpenDescriptor


class MemoryFile:
    """An in-memory file that grows with each `add`; its size is not limited here."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def add(self, piece: bytes) -> None:
        """Append a piece; raises OSError when the machine has no memory left for it."""
        left = memoryview(piece)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def head(self, size: int) -> bytes:
        """Return the first `size` bytes, or all if there are fewer."""
        return os.pread(self._descriptor, size, 0)

    def as_descriptor(self) -> OpenDescriptor:
        """Return the file's descriptor as the decoder's input; nothing can be added after that."""
        return OpenDescriptor(self._descriptor)


@contextmanager
def memory_file() -> Iterator[MemoryFile]:
    """Open an in-memory file for the length of the block (memfd_create(2))."""
    descriptor = os.memfd_create("upload", os.MFD_CLOEXEC)
    try:
        yield MemoryFile(descriptor)
    finally:
        os.close(descriptor)
