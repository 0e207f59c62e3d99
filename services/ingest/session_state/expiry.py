"""What becomes of an abandoned session: marked under its lock, so that nothing comes after, then emptied.

The mark is also the record that the event is told by, until `published` says that the bus has it.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter

from services.ingest.session_state.session_cache import SessionCache
from shared.domain.clock import now, rfc3339
from shared.domain.errors import Conflict
from shared.storage.durable_files import sync_directory, write_durably
from shared.storage.lock_files import LockFile, acquire_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryRecord:
    """How much was erased, and when; times are RFC 3339."""

    chunks: int
    bytes: int
    opened_at: str
    untouched_since: str
    expired_at: str


_EXPIRIES = TypeAdapter(ExpiryRecord)


def read_expiry(directory: SessionDirectory) -> ExpiryRecord | None:
    """Return how a session expired, or None for one that has not; blocks."""
    try:
        return _EXPIRIES.validate_json(directory.expired.read_bytes())
    except FileNotFoundError:
        return None


def session_expired() -> Conflict:
    """Return what is told to whoever sends to an expired session, or finalizes it."""
    return Conflict(
        "The session expired, since nothing came for too long, and its chunks were erased: use a new session.",
        code="expired",
    )


@dataclass(frozen=True, slots=True)
class SessionExpirer:
    """Ends sessions that nothing came for in `ttl` seconds; every method blocks."""

    spool: Spool
    sessions: SessionCache
    ttl: float

    def expire(self, directory: SessionDirectory) -> bool:
        """Mark a session as expired unless something has come meanwhile; returns whether it is.

        One that holds nothing at all is removed, and nothing is told of it.
        """
        since = _touched(directory)  # before the lock, which touches the directory if it is the first one there
        if self._is_young(since):
            return False
        with acquire_lock(directory.lock) as lock:
            if lock.changes > 0:
                since = _touched(directory)
            if self._is_young(since) or _has_ended(directory):
                return False
            sizes = directory.sizes()
            if not sizes and directory.read_metadata() is None:
                self.spool.remove(directory, lock)
                return False
            self._mark(directory, lock, sizes, since)
        self.sessions.forget(directory.key)
        return True

    def erase_chunks(self, directory: SessionDirectory) -> None:
        """Erase the chunks of an expired session; again is fine."""
        self.spool.erase_chunks(directory)
        sync_directory(directory.path)

    def _is_young(self, touched: float) -> bool:
        return time.time() - touched < self.ttl

    def _mark(self, directory: SessionDirectory, lock: LockFile, sizes: dict[int, int], since: float) -> None:
        opening = directory.read_metadata()
        opened = datetime.fromtimestamp(lock.created, UTC)
        expiry = ExpiryRecord(
            chunks=len(sizes),
            bytes=sum(sizes.values()),
            opened_at=opening.opened_at if opening else rfc3339(opened),
            untouched_since=rfc3339(datetime.fromtimestamp(since, UTC)),
            expired_at=rfc3339(now()),
        )
        lock.bump_version()  # whoever remembers the session as open looks again
        write_durably(directory.expired, _EXPIRIES.dump_json(expiry), self.spool.temporaries)


def _touched(directory: SessionDirectory) -> float:
    """Return when something last got a name in a session, in seconds since the epoch; raises FileNotFoundError."""
    return directory.path.stat().st_mtime


def _has_ended(directory: SessionDirectory) -> bool:
    return any(mark.exists() for mark in (directory.deleted, directory.manifest, directory.result, directory.expired))
