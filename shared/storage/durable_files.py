"""Files that survive `kill -9` and power loss: temporary name, fsync, final name, directory fsync.

Everything here blocks and belongs in a thread. The order of the calls is the promise; see architecture, "Durability".
"""

import errno
import fcntl
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from shared.process.failpoints import failpoint

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMELESS_FILE = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_NO_NAMELESS_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}  # how filesystems say it
_SETTLED_SECONDS = 2.0  # between creating a file and locking it lie microseconds
_IOV_MAX = 512  # buffers a writev call may take; Linux allows 1024


def _anonymous_file_in(directory: Path) -> int | None:
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
        fd = None if named else _anonymous_file_in(directory)
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

    def start_writeback(self) -> None:
        """Have the disk begin with what was written, without waiting for it; only a hint, and never a promise."""
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Force the bytes to the disk; a failure here is final for this file (its pages are marked clean)."""
        failpoint("spool.fsync")
        os.fsync(self._fd)

    def link_to(self, final: Path) -> bool:
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
        mine = temporary.link_to(final)
        failpoint("spool.named")
    finally:
        temporary.discard()
    sync_directory(final.parent)
    return mine


def remove_stale_temporaries(directory: Path, *, older_than: float = _SETTLED_SECONDS) -> int:
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
