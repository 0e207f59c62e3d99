"""The unnamed file in the spool that a recording is decoded into: sizes and channels are known only at its end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.audio.decoded_file import DecodedFile


@contextmanager
def open_spill_file(directory: Path) -> Iterator[DecodedFile]:
    """Open a spill file for the length of the block; it is unlinked at once, so that no crash leaves it behind."""
    path = directory / f"spill-{os.getpid()}-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        path.unlink()
        yield DecodedFile(fd)
    finally:
        os.close(fd)
