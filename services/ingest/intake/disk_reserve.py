"""The part of the spool's disk that uploads must leave free, so that manifests and results always have a place."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from shared.domain.errors import OutOfSpace

_FRESH_SECONDS = 0.05  # the disk is asked no more often: what we let in meanwhile is counted, others write less


class DiskReserve:
    """`percent` of the disk that `folder` is on; safe to use from threads."""

    def __init__(self, folder: Path, percent: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._percent = percent
        self._clock = clock
        self._guard = Lock()
        self._asked_at = -_FRESH_SECONDS
        self._left = 0.0

    def check(self, size: int) -> None:
        """Raise OutOfSpace unless the reserve stays free when `size` more bytes are announced; may block."""
        with self._guard:
            if size > self._left_now():
                raise _full()

    def has_left(self, size: int) -> bool:
        """Whether `size` bytes more would have left the reserve free when the disk was last asked."""
        return size <= self._left

    def take(self, size: int) -> None:
        """Let `size` bytes be written; raises OutOfSpace where the reserve would not stay free. May block."""
        with self._guard:
            if size > self._left_now():
                raise _full()
            self._left -= size

    def _left_now(self) -> float:
        """Return how many bytes may be written beside the reserve."""
        now = self._clock()
        if now - self._asked_at >= _FRESH_SECONDS:
            disk = os.statvfs(self._folder)
            self._left = (disk.f_bavail - disk.f_blocks * self._percent / 100) * disk.f_frsize
            self._asked_at = now
        return self._left


def _full() -> OutOfSpace:
    return OutOfSpace("The server's disk is nearly full: earlier chunks are safe, send this one again later.")
