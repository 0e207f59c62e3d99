"""Expires abandoned sessions, and removes ended ones from the spool once the catalog has their result."""

import time
from collections import deque
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from services.ingest.session_state.expiry import ExpiryRecord, SessionExpirer, read_expiry
from shared.catalog.catalog import SessionIsDeleted
from shared.catalog.event_store import EventStore
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.errors import RoomtoneError
from shared.domain.events import SessionExpired
from shared.domain.upload_kind import lead_of
from shared.observability.trace import current_trace
from shared.process.tasks import run_blocking
from shared.storage.lock_files import acquire_lock, try_lock
from shared.storage.session_directory import CHUNK_SUFFIX, SessionDirectory
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reaper:
    """Visitor of the spool scanner that expires and removes sessions; idempotent, so several replicas may run it.

    Expiring takes three steps: the expiry record is written, the chunks are deleted, and `session.expired` is published
    and marked as published. A crash in between, or a bus that is away, leaves the rest to the next scan. An ended
    session stays in the spool for `keep_seconds`, and longer while the catalog can't confirm how it ended.
    """

    spool: Spool
    executor: Executor
    event_store: EventStore
    expirer: SessionExpirer
    keep_seconds: float
    _unpublished: deque[SessionDirectory] = field(default_factory=deque)
    _removable: deque[SessionDirectory] = field(default_factory=deque)

    def inspect(self, directory: SessionDirectory, names: AbstractSet[str]) -> None:
        """Expire a session past its time to live, and queue what `flush` has to publish or remove; blocks."""
        published = directory.published.name in names
        match _session_phase(directory, names):
            case "ended":
                if self._is_old(directory, names):
                    self._removable.append(directory)
            case "expired" if not published:
                self.expirer.delete_chunks(directory)
                self._unpublished.append(directory)
            case "open" if self.expirer.expire(directory):
                self.expirer.delete_chunks(directory)
                self._unpublished.append(directory)
            case _:
                pass

    async def flush(self) -> None:
        """Publish expiries and remove old sessions; the next scan finds again what fails."""
        try:
            while self._unpublished:
                await self._publish_expired(self._unpublished.popleft())
            while self._removable:
                await self._remove_if_cataloged(self._removable.popleft())
        except (RoomtoneError, OSError) as exc:
            log.info("expired or old sessions wait for the next scan", error=type(exc).__name__)
            self._unpublished.clear()
            self._removable.clear()

    async def _publish_expired(self, directory: SessionDirectory) -> None:
        expired = await run_blocking(self.executor, _expired_event, directory)
        if expired is not None:
            await self.event_store.append(expired)
            await run_blocking(self.executor, directory.published.touch)
            log.info("an abandoned session expired", session=directory.key.session)

    def _is_old(self, directory: SessionDirectory, names: AbstractSet[str]) -> bool:
        """Whether a session ended more than `keep_seconds` ago and its chunks are gone; blocks."""
        if any(name.endswith(CHUNK_SUFFIX) for name in names):
            return False  # after some failures the chunks are the only copy
        marks = (mark for mark in (directory.deleted, directory.result, directory.expired) if mark.name in names)
        return time.time() - max(mark.stat().st_mtime for mark in marks) > self.keep_seconds

    async def _remove_if_cataloged(self, directory: SessionDirectory) -> None:
        if await self._is_cataloged(directory):
            await run_blocking(self.executor, self._remove, directory)

    async def _is_cataloged(self, directory: SessionDirectory) -> bool:
        """Whether the catalog knows how the session ended; raises Unavailable."""
        try:
            record = await self.event_store.catalog.get(directory.key)
        except SessionIsDeleted:
            return True
        return record is not None and (record.ended or record.expired) is not None

    def _remove(self, directory: SessionDirectory) -> None:
        work_lock = try_lock(directory.work_lock)
        if work_lock is None:
            return
        try:
            with acquire_lock(directory.lock) as lock:
                phase = _session_phase(directory, directory.file_names())
                if phase == "ended" and self.spool.deletion(directory) is None:
                    self.spool.remove_session(directory, lock)
                    self.expirer.sessions.forget(directory.key)
        finally:
            work_lock.release()


def _session_phase(directory: SessionDirectory, names: AbstractSet[str]) -> str:
    """Return a session's phase: "open", "finalized", "expired" (not published yet), or "ended" in any way."""
    if directory.deleted.name in names or directory.result.name in names:
        return "ended"
    if directory.manifest.name in names:
        return "finalized"
    if directory.expired.name in names:
        return "ended" if directory.published.name in names else "expired"
    return "open"


def _expired_event(directory: SessionDirectory) -> Envelope | None:
    """Make `session.expired` from the expiry record, the same each time; None for a removed session. Blocks."""
    expiry = None if directory.deleted.exists() else read_expiry(directory)
    if expiry is None:
        return None
    metadata = directory.read_metadata()
    lead = lead_of(metadata.purpose if metadata else None)
    envelope = make_envelope(
        "ingest", directory.key, _expired(expiry), cause=expiry.expired_at, trace=current_trace(), lead=lead
    )
    return replace(envelope, time=datetime.fromisoformat(expiry.expired_at))


def _expired(expiry: ExpiryRecord) -> SessionExpired:
    return SessionExpired(chunks=expiry.chunks, bytes=expiry.bytes, untouched_since=expiry.untouched_since)
