"""A file that is nowhere: memory with a descriptor, gone with the process that has it open, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shared.audio.source import OpenDescriptor


class MemoryFile:
    """Grows by what is added to it; whoever adds minds its size."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def add(self, piece: bytes) -> None:
        """Append a piece; raises OSError when the machine has no memory left for it."""
        left = memoryview(piece)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def head(self, size: int) -> bytes:
        """Return its first `size` bytes, or all if it has fewer."""
        return os.pread(self._descriptor, size, 0)

    def as_descriptor(self) -> OpenDescriptor:
        """Return it as a decoder takes it; nothing can be added after that."""
        return OpenDescriptor(self._descriptor)


@contextmanager
def memory_file() -> Iterator[MemoryFile]:
    """Have a file for the length of a block (memfd_create(2))."""
    descriptor = os.memfd_create("upload", os.MFD_CLOEXEC)
    try:
        yield MemoryFile(descriptor)
    finally:
        os.close(descriptor)
