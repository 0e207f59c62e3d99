"""Writes files that survive `kill -9` and power loss: temporary file, fsync, final name, fsync of the directory.

Everything here blocks and belongs in a thread. Durability depends on the order of the calls: see docs/adr/0014 and
docs/architecture.md, "Durability".
"""

import errno
import fcntl
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from shared.process.failpoints import failpoint

_NAMED_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ANONYMOUS_FLAGS = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_NO_ANONYMOUS_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}  # where a filesystem does not know O_TMPFILE
_STALE_SECONDS = 2.0  # between creating a file and locking it lie microseconds
_IOV_MAX = 512  # buffers in one writev call; Linux allows 1024


def _anonymous_file_in(directory: Path) -> int | None:
    try:
        return os.open(directory, _ANONYMOUS_FLAGS, 0o600)
    except OSError as exc:
        if exc.errno in _NO_ANONYMOUS_FILES:
            return None
        raise


class TemporaryFile:
    """A new file that gets its name only when it is complete: an anonymous file (O_TMPFILE), gone after a crash.

    Where the filesystem has no anonymous files (NFS), or with `named`, it has a temporary name in `directory` and is
    locked while it is open, so that `remove_stale_temporaries` can tell it from what a crash left.
    """

    def __init__(self, directory: Path, *, named: bool = False) -> None:
        self._name: Path | None = None
        fd = None if named else _anonymous_file_in(directory)
        if fd is not None:
            self._fd = fd
        else:
            self._name = directory / secrets.token_hex(16)
            self._fd = os.open(self._name, _NAMED_FLAGS, 0o600)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.discard()
                raise

    @property
    def path(self) -> Path:
        """The path of the file until it is discarded; another process can't use it."""
        return self._name or Path(f"/proc/self/fd/{self._fd}")

    def write(self, pieces: list[bytes]) -> None:
        """Append `pieces` in order without joining them in memory (writev)."""
        for start in range(0, len(pieces), _IOV_MAX):
            self._write_some([memoryview(piece) for piece in pieces[start : start + _IOV_MAX] if piece])

    def _write_some(self, views: list[memoryview]) -> None:
        while views:
            written = os.writev(self._fd, views)
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if views:
                views[0] = views[0][written:]

    def start_writeback(self) -> None:
        """Start writing to the disk without waiting for it: only a hint to the kernel, which promises nothing."""
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Force the bytes to the disk; raises OSError."""
        # A failure is final for this file: its pages are marked clean, so that a second fsync would succeed.
        failpoint("spool.fsync")
        os.fsync(self._fd)

    def link_to(self, final: Path) -> bool:
        """Give the file its final name, never overwriting; returns False if the name is taken."""
        try:
            if self._name is not None:
                os.link(self._name, final, follow_symlinks=False)
            else:
                # An absolute path needs no directory descriptor, but with one the call follows the kernel's own link
                # to the file (linkat(2), AT_SYMLINK_FOLLOW).
                os.link(self.path, final, src_dir_fd=self._fd, follow_symlinks=True)
        except FileExistsError:
            return False
        return True

    def discard(self) -> None:
        """Close the file and remove its temporary name if it has one; the final name, if given, stays."""
        if self._name is not None:
            with suppress(FileNotFoundError):
                self._name.unlink()
        os.close(self._fd)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable (fsync)."""
    failpoint("spool.fsync_directory")
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path, root: Path) -> None:
    """Make a file that another program wrote durable: its bytes, and the names in each directory up to `root`."""
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
    """Write a small file durably, through a temporary file in `temporaries`; returns False if the name is taken.

    An existing file is not changed, but its name is made durable.
    """
    temporary = TemporaryFile(temporaries)
    try:
        temporary.write([content])
        temporary.sync()
        linked = temporary.link_to(final)
        failpoint("spool.named")
    finally:
        temporary.discard()
    sync_directory(final.parent)
    return linked


def remove_stale_temporaries(directory: Path, *, older_than: float = _STALE_SECONDS) -> int:
    """Remove the unlocked files that crashed writers left, unmodified for `older_than` seconds; returns how many."""
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
