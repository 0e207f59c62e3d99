"""The part of the spool's disk that uploads must leave free, so that manifests and results always have a place."""

import os
from dataclasses import dataclass
from pathlib import Path

from shared.errors import OutOfSpace


@dataclass(frozen=True, slots=True)
class DiskReserve:
    """`percent` of the disk that `folder` is on."""

    folder: Path
    percent: float

    def require(self, size: int) -> None:
        """Raise OutOfSpace unless the reserve stays free when `size` more bytes are written; blocks."""
        disk = os.statvfs(self.folder)
        reserve = disk.f_blocks * self.percent / 100
        if disk.f_bavail - size / disk.f_frsize < reserve:
            raise OutOfSpace("The server's disk is nearly full: earlier chunks are safe, send this one again later.")
