"""Files that survive `kill -9` and power loss: temporary name, fsync, final name, directory fsync.

Everything here blocks and belongs in a thread. The order of the calls is the promise; see architecture, "Durability".
"""

import errno
import fcntl
import os
import secrets
import struct
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.failpoints import failpoint

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMELESS_FILE = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_NO_NAMELESS_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}  # how filesystems say it
_SETTLED_SECONDS = 2.0  # between creating a file and locking it lie microseconds
_LOCK_CONTENT = struct.Struct("<dQ")
_REMOVED = 2**64 - 1  # as the count of changes: this lock file is about to lose its name
_IOV_MAX = 512  # buffers a writev call may take; Linux allows 1024


def _nameless_file(directory: Path) -> int | None:
    try:
        return os.open(directory, _NAMELESS_FILE, 0o600)
    except OSError as exc:
        if exc.errno in _NO_NAMELESS_FILES:
            return None
        raise


class TemporaryFile:
    """A file without a name that becomes visible whole, or never: a crash leaves nothing of it.

    Where the filesystem has no such files (NFS), or `named` asks for it, it has a temporary name in `directory`, and
    its owner a lock on it, so that a sweep can tell a live upload from what a crash left.
    """

    def __init__(self, directory: Path, *, named: bool = False) -> None:
        self._name: Path | None = None
        fd = None if named else _nameless_file(directory)
        if fd is not None:
            self._fd = fd
        else:
            self._name = directory / secrets.token_hex(16)
            self._fd = os.open(self._name, _NEW_FILE, 0o600)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.discard()
                raise

    @property
    def path(self) -> Path:
        """Where this process, and no other, finds the file until it is discarded."""
        return self._name or Path(f"/proc/self/fd/{self._fd}")

    def write(self, pieces: list[bytes]) -> None:
        """Append `pieces` in order without joining them first."""
        for start in range(0, len(pieces), _IOV_MAX):
            self._write_some([memoryview(piece) for piece in pieces[start : start + _IOV_MAX] if piece])

    def _write_some(self, views: list[memoryview]) -> None:
        while views:
            written = os.writev(self._fd, views)
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if views:
                views[0] = views[0][written:]

    def write_back(self) -> None:
        """Have the disk begin with what was written, without waiting for it; only a hint, and never a promise."""
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Force the bytes to the disk; a failure here is final for this file (its pages are marked clean)."""
        failpoint("spool.fsync")
        os.fsync(self._fd)

    def publish(self, final: Path) -> bool:
        """Give the file its final name unless that name is taken; returns whether it got it."""
        try:
            if self._name is not None:
                os.link(self._name, final, follow_symlinks=False)
            else:
                # The descriptor stands for a folder that an absolute path does not need: with one, the call follows
                # the kernel's own link to the file (linkat(2), AT_SYMLINK_FOLLOW).
                os.link(self.path, final, src_dir_fd=self._fd, follow_symlinks=True)
        except FileExistsError:
            return False
        return True

    def discard(self) -> None:
        """Let go of the file, and of its temporary name if it has one; the final name, if given, stays."""
        if self._name is not None:
            with suppress(FileNotFoundError):
                self._name.unlink()
        os.close(self._fd)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    failpoint("spool.fsync_directory")
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path, root: Path) -> None:
    """Make a file that another program wrote durable: its bytes, and each name on the way down from `root`."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    for directory in path.parents:
        sync_directory(directory)
        if directory == root:
            break


def write_durably(final: Path, content: bytes, temporaries: Path) -> bool:
    """Write a whole small file by the recipe; returns False if the name was taken, and leaves that one alone."""
    temporary = TemporaryFile(temporaries)
    try:
        temporary.write([content])
        temporary.sync()
        mine = temporary.publish(final)
        failpoint("spool.named")
    finally:
        temporary.discard()
    sync_directory(final.parent)
    return mine


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

    def count_change(self) -> None:
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


def locked(path: Path) -> LockFile:
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
            _end_removal(path, fd)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _end_removal(path: Path, fd: int) -> None:
    """Take away the name of a held lock file that guards nothing, if whoever removed it did not live to do so."""
    with suppress(FileNotFoundError):
        if os.path.samestat(path.lstat(), os.fstat(fd)):
            path.unlink()


class HeldLock:
    """A lock file that is held until it is released, or until its process ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Let others have it."""
        os.close(self._fd)


def try_lock(path: Path) -> HeldLock | None:
    """Take the lock file at `path` if nobody holds it; raises FileNotFoundError where its directory is not there."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return HeldLock(fd)


def lock_created(path: Path) -> float:
    """Return when a lock file was made, in seconds since the epoch, without holding it; raises FileNotFoundError."""
    content = path.read_bytes()
    return float(_LOCK_CONTENT.unpack(content)[0]) if len(content) == _LOCK_CONTENT.size else path.stat().st_mtime


def sweep_temporaries(directory: Path, *, older_than: float = _SETTLED_SECONDS) -> int:
    """Remove what crashed writers left: files that nobody holds, not touched for `older_than` seconds."""
    removed = 0
    for entry in list(os.scandir(directory)):
        with suppress(OSError):
            if time.time() - entry.stat(follow_symlinks=False).st_mtime < older_than:
                continue
            fd = os.open(entry.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(entry.path).unlink()
                removed += 1
            finally:
                os.close(fd)
    return removed
