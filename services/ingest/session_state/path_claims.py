"""Claims the object path of each stored recording as a file in the spool, without asking bus or bucket.

Two recordings never get the same path.

<spool>/.claims/<tenant>/<call log>_<unix time>     holds the session id; removed after an hour
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shared.domain.errors import RateLimited
from shared.domain.identifiers import SessionKey

_OPEN_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CLAIM_SECONDS = 3600  # clocks of machines that share a spool do not differ by more
_MAX_SECONDS_AHEAD = 60


@dataclass(frozen=True, slots=True)
class ObjectPathClaims:
    """The claims of one spool, shared by all its processes; every method blocks."""

    root: Path

    def claim(self, key: SessionKey, call_log: str) -> int:
        """Return the unix time for a recording's path: this second, or the next one that no other session has claimed.

        Raises RateLimited if the next 60 seconds are all claimed, and OSError.
        """
        folder = self.root / key.tenant
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        second = int(time.time())
        for wanted in range(second, second + _MAX_SECONDS_AHEAD):
            if _claim(folder / f"{call_log}_{wanted}", key.session):
                return wanted
        raise RateLimited(
            "This call was given too many recordings at once: send this one again.", retry_after=_MAX_SECONDS_AHEAD
        )

    def sweep(self) -> int:
        """Remove claims on seconds more than an hour ago; returns how many."""
        oldest = time.time() - _CLAIM_SECONDS
        removed = 0
        for claim in list(self.root.glob("*/*")):
            if int(claim.name.rpartition("_")[2]) < oldest:
                claim.unlink(missing_ok=True)
                removed += 1
        return removed


def _claim(path: Path, session: str) -> bool:
    """Return whether the session holds the claim now; a session that finalizes twice in a second holds it already."""
    try:
        fd = os.open(path, _OPEN_FLAGS, 0o600)
    except FileExistsError:
        with suppress(FileNotFoundError):
            return path.read_text() == session
        return False
    try:
        os.write(fd, session.encode())
    finally:
        os.close(fd)
    return True
