"""Paths that stored recordings get, none of them twice: claimed in the spool, so that neither bus nor bucket is asked.

<spool>/.claims/<tenant>/<call log>_<unix time>     the session that took this second; swept an hour after it
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shared.domain.errors import RateLimited
from shared.domain.identifiers import SessionKey

_CLAIM = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SETTLED_SECONDS = 3600  # clocks of machines that share a spool do not differ by more
_MOST_AHEAD = 60


@dataclass(frozen=True, slots=True)
class ObjectPathClaims:
    """Claims in one spool, good against all processes that share it; every method blocks."""

    root: Path

    def claim(self, key: SessionKey, call_log: str) -> int:
        """Return the unix time that a recording's path carries: this second, or the next that no other session has.

        Raises TooMany when one call's recordings come by the dozen within a second, and OSError.
        """
        folder = self.root / key.tenant
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        second = int(time.time())
        for wanted in range(second, second + _MOST_AHEAD):
            if _claim(folder / f"{call_log}_{wanted}", key.session):
                return wanted
        raise RateLimited(
            "This call was given too many recordings at once: send this one again.", retry_after=_MOST_AHEAD
        )

    def sweep(self) -> int:
        """Remove claims on seconds that are long over; returns how many."""
        oldest = time.time() - _SETTLED_SECONDS
        removed = 0
        for claim in list(self.root.glob("*/*")):
            if int(claim.name.rpartition("_")[2]) < oldest:
                claim.unlink(missing_ok=True)
                removed += 1
        return removed


def _claim(path: Path, session: str) -> bool:
    """Return whether the claim is the session's, which may try to finalize more than once within a second."""
    try:
        fd = os.open(path, _CLAIM, 0o600)
    except FileExistsError:
        with suppress(FileNotFoundError):
            return path.read_text() == session
        return False
    try:
        os.write(fd, session.encode())
    finally:
        os.close(fd)
    return True
