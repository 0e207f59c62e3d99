"""An engine's log file, rotated once at a start, so that logs do not fill the disk over many starts."""

import os
from pathlib import Path
from typing import BinaryIO

_ROTATE_BYTES = 1024 * 1024
_TAIL_BYTES = 4096


def open_log(path: Path) -> BinaryIO:
    """Open the log for appending; a log of more than 1 MiB is renamed to `<name>.1` first, replacing the one before."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _ROTATE_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


def last_line(path: Path) -> str:
    """Return the last line that is not blank, or an empty string."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
