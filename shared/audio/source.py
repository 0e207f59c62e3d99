"""Opens the input of a decode: files that form one stream, passed to the child process as one descriptor."""

import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from shared.audio.sniff import Container

_PIPE_BYTES = 1024 * 1024  # the most that an unprivileged process may ask for


@dataclass(frozen=True, slots=True)
class OpenDescriptor:
    """A complete file by its descriptor, which is seekable; its owner closes it."""

    descriptor: int


@dataclass(frozen=True, slots=True)
class DecoderInput:
    """Files that form one stream in `container`; with `ignore_length`, the length in its header is not used.

    `skip` bytes before it are passed over.
    """

    container: Container
    files: Sequence[Path] | OpenDescriptor
    ignore_length: bool = False
    skip: int = 0


def open_decoder_input(
    stack: ExitStack, source: DecoderInput, temporaries: Path | None
) -> tuple[int, Callable[[], None]]:
    """Return a descriptor to read from, and the feeder that a thread must run meanwhile; blocks.

    A single file is passed as it is, seekable. Several go through a pipe, unless the container keeps its index at the
    end: then they are joined on disk, in an anonymous file in `temporaries`.
    """
    files = source.files
    if isinstance(files, OpenDescriptor):
        os.lseek(files.descriptor, 0, os.SEEK_SET)
        return os.dup(files.descriptor), _no_feeder
    if len(files) == 1:
        return os.open(files[0], os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), _no_feeder
    if source.container.needs_seeking:
        assert temporaries is not None  # noqa: S101  # given wherever chunks are decoded
        joined = _anonymous_file(temporaries)
        _copy(files, joined)
        os.lseek(joined, 0, os.SEEK_SET)
        return joined, _no_feeder
    read_end, write_end = os.pipe()
    _enlarge_pipe(write_end)
    pipe = stack.enter_context(os.fdopen(write_end, "wb", buffering=0))

    def feed() -> None:
        with pipe, suppress(BrokenPipeError):
            _copy(files, pipe.fileno())

    return read_end, feed


def _enlarge_pipe(pipe: int) -> None:
    """Enlarge a pipe to 1 MiB where the system allows it, which saves switches between its two ends."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _no_feeder() -> None:
    """Do nothing: the child process reads the file itself."""


def _anonymous_file(directory: Path) -> int:
    path = directory / f"join-{os.getpid()}-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    path.unlink()
    return fd


def _copy(files: Sequence[Path], target: int) -> None:
    """Copy files to a descriptor inside the kernel (sendfile)."""
    for path in files:
        with path.open("rb") as file:
            offset = 0
            while sent := os.sendfile(target, file.fileno(), offset, 1 << 20):
                offset += sent
