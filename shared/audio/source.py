"""What a decode reads: chunks that together are one stream, handed to the child as one descriptor."""

import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from shared.audio.sniff import Container

_PIPE_BYTES = 1024 * 1024  # what an unprivileged process may ask for


@dataclass(frozen=True, slots=True)
class OpenDescriptor:
    """A whole file by its descriptor, which can be sought in and stays its owner's to close."""

    descriptor: int


@dataclass(frozen=True, slots=True)
class DecoderInput:
    """Files that, one after another, are one stream in `container`; a `lying_length` in its header is passed over."""

    container: Container
    files: Sequence[Path] | OpenDescriptor
    ignore_length: bool = False


def open_decoder_input(
    stack: ExitStack, source: DecoderInput, temporaries: Path | None
) -> tuple[int, Callable[[], None]]:
    """Return a descriptor to read from, and what a thread must do meanwhile; blocks.

    One file is handed over as it is, and can be sought in. Several go through a pipe, unless the container keeps
    its index at the end: then they are joined on disk, in a file without a name.
    """
    files = source.files
    if isinstance(files, OpenDescriptor):
        os.lseek(files.descriptor, 0, os.SEEK_SET)
        return os.dup(files.descriptor), _no_feeder
    if len(files) == 1:
        return os.open(files[0], os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), _no_feeder
    if source.container.needs_seeking:
        assert temporaries is not None  # noqa: S101  # who decodes pieces names it
        joined = _anonymous_file(temporaries)
        _copy(files, joined)
        os.lseek(joined, 0, os.SEEK_SET)
        return joined, _no_feeder
    reading, writing = os.pipe()
    _enlarge_pipe(writing)
    pipe_end = stack.enter_context(os.fdopen(writing, "wb", buffering=0))

    def feed() -> None:
        with pipe_end, suppress(BrokenPipeError):
            _copy(files, pipe_end.fileno())

    return reading, feed


def _enlarge_pipe(pipe: int) -> None:
    """Let a pipe hold a mebibyte where the system lets us: fewer turns between its two ends."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _no_feeder() -> None:
    """Nothing to feed: the child reads the file itself."""


def _anonymous_file(directory: Path) -> int:
    path = directory / f"join-{os.getpid()}-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    path.unlink()
    return fd


def _copy(files: Sequence[Path], target: int) -> None:
    """Send files to a descriptor inside the kernel."""
    for path in files:
        with path.open("rb") as file:
            offset = 0
            while sent := os.sendfile(target, file.fileno(), offset, 1 << 20):
                offset += sent
