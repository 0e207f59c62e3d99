"""Ends abandoned sessions, and forgets ended ones once the catalog alone may answer for them."""

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
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)

_CHUNK = ".chunk"


@dataclass(frozen=True, slots=True)
class Reaper:
    """Goes along on the rounds over the spool; every step may run twice, and be done by several replicas.

    First a mark, then the chunks go, then `session.expired` is told and that is marked too: a crash in between, or a
    bus that is away, leaves a session for the next round to go on with. What has ended is kept for `keep` seconds, and
    then as long as the catalog does not confirm that it knows the end.
    """

    spool: Spool
    executor: Executor
    chronicle: EventStore
    expirations: SessionExpirer
    keep: float
    _untold: deque[SessionDirectory] = field(default_factory=deque)
    _old: deque[SessionDirectory] = field(default_factory=deque)

    def inspect(self, directory: SessionDirectory, names: AbstractSet[str]) -> None:
        """Expire a session that nothing came for, and remember what is to be told or forgotten; blocks."""
        told = directory.published.name in names
        match _session_phase(directory, names):
            case "ended":
                if self._is_old(directory, names):
                    self._old.append(directory)
            case "expired" if not told:
                self.expirations.erase_chunks(directory)
                self._untold.append(directory)
            case "open" if self.expirations.expire(directory):
                self.expirations.erase_chunks(directory)
                self._untold.append(directory)
            case _:
                pass

    async def flush(self) -> None:
        """Tell what expired, and forget what is old; what fails is found again on the next round."""
        try:
            while self._untold:
                await self._publish_expired(self._untold.popleft())
            while self._old:
                await self._forget(self._old.popleft())
        except (RoomtoneError, OSError) as exc:
            log.info("expired or old sessions wait for the next round", error=type(exc).__name__)
            self._untold.clear()
            self._old.clear()

    async def _publish_expired(self, directory: SessionDirectory) -> None:
        told = await run_blocking(self.executor, _expired_event, directory)
        if told is not None:
            await self.chronicle.append(told)
            await run_blocking(self.executor, directory.published.touch)
            log.info("an abandoned session expired", session=directory.key.session)

    def _is_old(self, directory: SessionDirectory, names: AbstractSet[str]) -> bool:
        """Whether a session ended long ago and nothing of value is left of it; blocks."""
        if any(name.endswith(_CHUNK) for name in names):
            return False  # after some failures the chunks are the only copy
        marks = (mark for mark in (directory.deleted, directory.result, directory.expired) if mark.name in names)
        return time.time() - max(mark.stat().st_mtime for mark in marks) > self.keep

    async def _forget(self, directory: SessionDirectory) -> None:
        if await self._is_known(directory):
            await run_blocking(self.executor, self._remove, directory)

    async def _is_known(self, directory: SessionDirectory) -> bool:
        """Whether the catalog says how the session ended; raises Unavailable."""
        try:
            record = await self.chronicle.catalog.get(directory.key)
        except SessionIsDeleted:
            return True
        return record is not None and (record.ended or record.expired) is not None

    def _remove(self, directory: SessionDirectory) -> None:
        working = try_lock(directory.work_lock)
        if working is None:
            return
        try:
            with acquire_lock(directory.lock) as lock:
                if self.spool.deletion(directory) is None and _session_phase(directory, directory.names()) == "ended":
                    self.spool.remove(directory, lock)
                    self.expirations.sessions.forget(directory.key)
        finally:
            working.release()


def _session_phase(directory: SessionDirectory, names: AbstractSet[str]) -> str:
    """Say how far a session is: "open", "sealed", "expired" and not told yet, or "ended" in any way."""
    if directory.deleted.name in names or directory.result.name in names:
        return "ended"
    if directory.manifest.name in names:
        return "sealed"
    if directory.expired.name in names:
        return "ended" if directory.published.name in names else "expired"
    return "open"


def _expired_event(directory: SessionDirectory) -> Envelope | None:
    """Write the event of an expired session, the same again each time; None for one that is gone. Blocks."""
    expiry = None if directory.deleted.exists() else read_expiry(directory)
    if expiry is None:
        return None
    opening = directory.read_metadata()
    lead = lead_of(opening.purpose if opening else None)
    told = make_envelope(
        "ingest", directory.key, _expired(expiry), cause=expiry.expired_at, trace=current_trace(), lead=lead
    )
    return replace(told, time=datetime.fromisoformat(expiry.expired_at))


def _expired(expiry: ExpiryRecord) -> SessionExpired:
    return SessionExpired(chunks=expiry.chunks, bytes=expiry.bytes, untouched_since=expiry.untouched_since)
