"""The data folder holds everything the one-machine form stores; one instance uses it at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class DataFolderError(Exception):
    """The data folder can't be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The paths inside the data folder; `path` is absolute."""

    path: Path

    @property
    def addresses(self) -> Path:
        """The file of the engines' ports and the store's keys."""
        return self.path / "engines.json"

    @property
    def nats(self) -> Path:
        """The folder of the bus's streams."""
        return self.path / "nats"

    @property
    def objects(self) -> Path:
        """The folder of the store's buckets, one folder each."""
        return self.path / "objects"

    @property
    def spool(self) -> Path:
        """The spool: chunks of sessions that are not assembled yet."""
        return self.path / "spool"

    def log(self, engine: str) -> Path:
        """Return the path of an engine's log."""
        return self.path / "logs" / f"{engine}.log"


@contextmanager
def claim(path: Path) -> Iterator[DataFolder]:
    """Create the folder if it is missing, and lock it for the length of the block or until the process ends.

    Raises DataFolderError if it can't be written to, or if another process has it, whose id the message names.
    """
    folder = DataFolder(path.absolute())
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder.path / ".lock", _LOCK, 0o600)
    except OSError as exc:
        raise DataFolderError(
            f"The data folder {folder.path} can't be written to ({exc.strerror}): set DATA_DIR to one that can."
        ) from exc
    try:
        _lock(lock, folder)
        yield folder
    finally:
        os.close(lock)


def _lock(lock: int, folder: DataFolder) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        raise DataFolderError(
            f"Process {holder} uses the data folder {folder.path} already: "
            f"stop it (kill {holder}), or set DATA_DIR to another folder."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
