"""The data folder: everything the one-machine form keeps, and only one of it at a time."""

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
    """Where each part keeps its things; `path` is absolute."""

    path: Path

    @property
    def addresses(self) -> Path:
        """The engines' ports and the store's keys."""
        return self.path / "engines.json"

    @property
    def nats(self) -> Path:
        """The bus's streams."""
        return self.path / "nats"

    @property
    def objects(self) -> Path:
        """The store's buckets, a folder each."""
        return self.path / "objects"

    @property
    def spool(self) -> Path:
        """Chunks that wait for their recording to be made."""
        return self.path / "spool"

    def log(self, engine: str) -> Path:
        """Return where an engine writes what it has to say."""
        return self.path / "logs" / f"{engine}.log"


@contextmanager
def claim(path: Path) -> Iterator[DataFolder]:
    """Make the folder if need be and keep other instances out of it until the process ends, however it ends.

    Raises DataFolderError, naming the process that has it.
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
        _take(lock, folder)
        yield folder
    finally:
        os.close(lock)


def _take(lock: int, folder: DataFolder) -> None:
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
