"""Lock files."""

import fcntl
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_LOCK_CONTENT = struct.Struct("<dQ")
_REMOVED = 2**64 - 1  # as the count of changes: this lock file is about to lose its name


class LockFile:
    """A lock file while it is held; it remembers when it was made and how often its holders changed something.

    Leaving its block lets others have it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.created: float
        self.changes: int
        content = os.pread(fd, _LOCK_CONTENT.size, 0)
        if len(content) == _LOCK_CONTENT.size:
            self.created, self.changes = _LOCK_CONTENT.unpack(content)
        else:
            self.created, self.changes = time.time(), 0
            self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    @property
    def version(self) -> tuple[float, int]:
        """What is another after every change, also where the file was removed and made anew."""
        return self.created, self.changes

    def bump_version(self) -> None:
        """Let the next holders know that what the lock guards is not what it was."""
        self.changes += 1
        self._write()

    @property
    def removed(self) -> bool:
        """Whether an earlier holder removed the file, so that it guards nothing any more."""
        return self.changes == _REMOVED

    def remove(self, path: Path) -> None:
        """Take the lock file's name away; who waits for it notices, and opens the next one."""
        self.changes = _REMOVED
        self._write()
        path.unlink()

    def _write(self) -> None:
        os.pwrite(self._fd, _LOCK_CONTENT.pack(self.created, self.changes), 0)


def acquire_lock(path: Path) -> LockFile:
    """Hold the lock file at `path` exclusively, against threads, processes and machines that share the disk.

    It is held from the call on. Raises FileNotFoundError where its directory is not there, or not any more.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            lock = LockFile(fd)
            if not lock.removed:
                return lock
            _finish_removal(path, fd)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _finish_removal(path: Path, fd: int) -> None:
    """Take away the name of a held lock file that guards nothing, if whoever removed it did not live to do so."""
    with suppress(FileNotFoundError):
        if os.path.samestat(path.lstat(), os.fstat(fd)):
            path.unlink()


class ReleasableLock:
    """A lock file that is held until it is released, or until its process ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Let others have it."""
        os.close(self._fd)


def try_lock(path: Path) -> ReleasableLock | None:
    """Take the lock file at `path` if nobody holds it; raises FileNotFoundError where its directory is not there."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return ReleasableLock(fd)


def lock_created(path: Path) -> float:
    """Return when a lock file was made, in seconds since the epoch, without holding it; raises FileNotFoundError."""
    content = path.read_bytes()
    return float(_LOCK_CONTENT.unpack(content)[0]) if len(content) == _LOCK_CONTENT.size else path.stat().st_mtime
