"""Expires an abandoned session: an expiry record is written under the session's lock, then its chunks are deleted.

The record keeps later chunks out. `session.expired` is made from it, and is published until the file `published`
marks that the bus has it.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import TypeAdapter

from services.ingest.session_state.clock_jumps import ClockJumps
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.clock import now, rfc3339
from shared.domain.errors import Conflict
from shared.storage.durable_files import sync_directory, write_durably
from shared.storage.lock_files import LockFile, acquire_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryRecord:
    """How many chunks and bytes were deleted, and when; times are RFC 3339."""

    chunks: int
    bytes: int
    opened_at: str
    untouched_since: str
    expired_at: str


_EXPIRY_RECORD = TypeAdapter(ExpiryRecord)


def read_expiry(directory: SessionDirectory) -> ExpiryRecord | None:
    """Return a session's expiry record, or None for one that has not expired; blocks."""
    try:
        return _EXPIRY_RECORD.validate_json(directory.expired.read_bytes())
    except FileNotFoundError:
        return None


def session_expired() -> Conflict:
    """Return the error for sending to an expired session, or finalizing it."""
    return Conflict(
        "The session expired, since nothing came for too long, and its chunks were erased: use a new session.",
        code="expired",
    )


@dataclass(frozen=True, slots=True)
class SessionExpirer:
    """Expires sessions that have received nothing for `ttl` seconds; every method blocks.

    Within `ttl` after the wall clock jumped nothing expires: the files' times say nothing then.
    """

    spool: Spool
    sessions: SessionCache
    ttl: float
    clock: ClockJumps = field(default_factory=ClockJumps)

    def expire(self, directory: SessionDirectory) -> bool:
        """Expire a session unless it is younger than `ttl` or has ended; returns whether its record was written.

        A session without chunks and metadata is removed, and no event is published for it.
        """
        since = _modified_at(directory)  # before the lock: making the lock file changes the directory's mtime
        if self.clock.jumped_within(self.ttl) or self._is_young(since):
            return False
        with acquire_lock(directory.lock) as lock:
            if lock.changes > 0:
                since = _modified_at(directory)
            if self._is_young(since) or _has_ended(directory):
                return False
            sizes = directory.chunk_sizes()
            if not sizes and directory.read_metadata() is None:
                self.spool.remove_session(directory, lock)
                return False
            self._write_record(directory, lock, sizes, since)
        self.sessions.forget(directory.key)
        return True

    def delete_chunks(self, directory: SessionDirectory) -> None:
        """Delete the chunks of an expired session, durably; idempotent."""
        self.spool.delete_chunks(directory)
        sync_directory(directory.path)

    def _is_young(self, modified: float) -> bool:
        return time.time() - modified < self.ttl

    def _write_record(self, directory: SessionDirectory, lock: LockFile, sizes: dict[int, int], since: float) -> None:
        metadata = directory.read_metadata()
        opened = datetime.fromtimestamp(lock.created, UTC)
        expiry = ExpiryRecord(
            chunks=len(sizes),
            bytes=sum(sizes.values()),
            opened_at=metadata.opened_at if metadata else rfc3339(opened),
            untouched_since=rfc3339(datetime.fromtimestamp(since, UTC)),
            expired_at=rfc3339(now()),
        )
        lock.bump_version()  # other processes have the session cached as open
        write_durably(directory.expired, _EXPIRY_RECORD.dump_json(expiry), self.spool.temporaries)


def _modified_at(directory: SessionDirectory) -> float:
    """Return the directory's mtime, in seconds since the epoch; raises FileNotFoundError."""
    return directory.path.stat().st_mtime


def _has_ended(directory: SessionDirectory) -> bool:
    return any(mark.exists() for mark in (directory.deleted, directory.manifest, directory.result, directory.expired))
