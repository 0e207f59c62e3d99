"""Keeps a part of the spool's disk free of uploads, so that manifests and results always have room."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from shared.domain.errors import OutOfSpace

_FRESH_SECONDS = 0.05  # between two statvfs calls; our own writes in between are subtracted, other writers' are small


class DiskReserve:
    """Reserve of `percent` of the disk that `folder` is on; thread-safe."""

    def __init__(self, folder: Path, percent: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._percent = percent
        self._clock = clock
        self._guard = Lock()
        self._read_at = -_FRESH_SECONDS
        self._available = 0.0

    def check(self, size: int) -> None:
        """Raise OutOfSpace unless `size` more bytes leave the reserve free; may block."""
        with self._guard:
            if size > self._available_now():
                raise _out_of_space()

    def has_left(self, size: int) -> bool:
        """Whether `size` more bytes leave the reserve free, by the last known free space; does not block."""
        return size <= self._available

    def take(self, size: int) -> None:
        """Count `size` bytes that will be written; raises OutOfSpace unless they leave the reserve free. May block."""
        with self._guard:
            if size > self._available_now():
                raise _out_of_space()
            self._available -= size

    def _available_now(self) -> float:
        """Return how many bytes may be written without touching the reserve."""
        now = self._clock()
        if now - self._read_at >= _FRESH_SECONDS:
            disk = os.statvfs(self._folder)
            self._available = (disk.f_bavail - disk.f_blocks * self._percent / 100) * disk.f_frsize
            self._read_at = now
        return self._available


def _out_of_space() -> OutOfSpace:
    return OutOfSpace("The server's disk is nearly full: earlier chunks are safe, send this one again later.")
