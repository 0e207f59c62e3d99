"""Lock files (flock) with a version, which excludes threads, processes and machines that share the disk.

Everything here blocks. A lock file holds 16 bytes: when it was made, in seconds since the epoch, and how often what it
guards was changed; the two are its version.
"""

import fcntl
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_LOCK_CONTENT = struct.Struct("<dQ")
_REMOVED = 2**64 - 1  # as the count of changes: this lock file is about to be unlinked


class LockFile:
    """A held lock, with the lock file's creation time and its count of changes; leaving its block releases it."""

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
        """The version of what the lock guards: different after every change, also if the file was made anew."""
        return self.created, self.changes

    def bump_version(self) -> None:
        """Count a change of what the lock guards, so that other processes drop what they have cached of it."""
        self.changes += 1
        self._write()

    @property
    def removed(self) -> bool:
        """Whether an earlier holder removed the lock file, so that this lock guards nothing."""
        return self.changes == _REMOVED

    def remove(self, path: Path) -> None:
        """Unlink the lock file; processes that wait for it notice, and open the next one."""
        self.changes = _REMOVED
        self._write()
        path.unlink()

    def _write(self) -> None:
        os.pwrite(self._fd, _LOCK_CONTENT.pack(self.created, self.changes), 0)


def acquire_lock(path: Path) -> LockFile:
    """Wait for the exclusive lock on the file at `path` and return it held; the file is created if it is missing.

    Raises FileNotFoundError if its directory does not exist, or not any more.
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
    """Unlink a lock file that is marked as removed, if the process that marked it crashed before it did."""
    with suppress(FileNotFoundError):
        if os.path.samestat(path.lstat(), os.fstat(fd)):
            path.unlink()


class ReleasableLock:
    """A lock that is held until it is released, or until its process ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Release the lock."""
        os.close(self._fd)


def try_lock(path: Path) -> ReleasableLock | None:
    """Return the lock on the file at `path`, or None while another has it; the file is created if it is missing.

    Raises FileNotFoundError if its directory does not exist.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return ReleasableLock(fd)


def lock_created(path: Path) -> float:
    """Return when a lock file was made, in seconds since the epoch, without locking it; raises FileNotFoundError."""
    content = path.read_bytes()
    return float(_LOCK_CONTENT.unpack(content)[0]) if len(content) == _LOCK_CONTENT.size else path.stat().st_mtime
