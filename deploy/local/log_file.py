"""An engine's log: one file, and the one before it, so that logs never fill the disk over many starts."""

import os
from pathlib import Path
from typing import BinaryIO

_KEEP = 1024 * 1024
_TAIL = 4096


def open_log(path: Path) -> BinaryIO:
    """Open the log to append to; one that has grown over 1 MiB becomes `<name>.1` first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _KEEP:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


def last_line(path: Path) -> str:
    """Return the last line that holds anything, or an empty string."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL))
            lines = log.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
