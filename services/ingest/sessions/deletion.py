"""Serves `DELETE /sessions/{id}`: deletes everything of a session, verifies that, and returns a receipt."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Literal

import structlog

from services.ingest.api.session_resource import check_lead_access, session_not_found
from services.ingest.background.deleted_object_watch import DeletedObjectWatch
from services.ingest.session_state.session_cache import SessionCache
from services.ingest.sessions.status import check_lead_access_everywhere, read_spool_view
from shared.catalog.catalog import SessionIsDeleted
from shared.catalog.event_store import EventStore
from shared.catalog.record import CatalogRecord
from shared.domain.caller import Caller
from shared.domain.clock import now, rfc3339
from shared.domain.envelope import make_envelope
from shared.domain.errors import RoomtoneError, Unavailable
from shared.domain.events import AnalysisCompleted, SessionDeleted
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import (
    bought_answers_prefix,
    channels_key,
    documents_prefix,
    event_archive_key,
    event_archive_prefix,
    result_key,
    wav_key,
)
from shared.http.fields import Count, Identifier, Sha256, Timestamp
from shared.observability.trace import current_trace
from shared.process.tasks import run_blocking
from shared.storage.lock_files import ReleasableLock, acquire_lock, try_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Deletion, Spool

log = structlog.stdlib.get_logger(__name__)

_WORK_LOCK_SECONDS = 10.0  # how long to wait for work in progress before responding 503
_LOCK_POLL_SECONDS = 0.1
_RESUME_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that a session is gone: `deleted` names the objects that were erased, and all were looked for again.

    `chunks` is how many were still in the spool. `sha256` is over this document without it, as JSON with sorted names
    and no spaces, in UTF-8 with nothing escaped that need not be.
    """

    session_id: Identifier
    deleted: tuple[str, ...]
    chunks: Count
    verified: Literal[True] = True
    sha256: Sha256
    timestamp: Timestamp


@dataclass(frozen=True, slots=True)
class SessionDeleter:
    """Deletes sessions of every API group; a deletion that has begun is resumed until it is done."""

    spool: Spool
    sessions: SessionCache
    executor: Executor
    event_store: EventStore
    deleted_objects: DeletedObjectWatch

    async def delete(self, key: SessionKey, caller: Caller) -> Receipt:
        """Delete everything of a session; raises NotFound, also for another lead's, and Unavailable if it can't finish.

        After Unavailable the session is hidden from clients already, and its deletion is resumed in the background.
        """
        directory = self.spool.session(key)
        under_way = await run_blocking(self.executor, self.spool.deletion, directory)
        if under_way is not None:
            check_lead_access(caller, under_way.lead)
        else:
            view, _ = await run_blocking(self.executor, read_spool_view, directory)
            record = await self._record(key)
            if view is None and record is None:
                raise session_not_found()
            check_lead_access_everywhere(caller, view, record)
            lead = (view.lead if view else None) or (record.lead if record else None)
            await run_blocking(self.executor, self._begin_deletion, key, record, lead)
        return await self._continue_deletion(directory)

    async def run(self) -> None:
        """Resume unfinished deletions: when the bus connects, and every minute; until cancelled."""
        wake = asyncio.Event()
        self.event_store.bus.on_ready(wake.set)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_RESUME_SECONDS):
                    await wake.wait()
            wake.clear()
            try:
                left = await run_blocking(self.executor, self.spool.deletions)
            except OSError:
                log.exception("the spool can't be read; trying again soon")
                continue
            for directory in left:
                await self._try_to_finish(directory)

    async def _try_to_finish(self, directory: SessionDirectory) -> None:
        try:
            await self._continue_deletion(directory)
        except (RoomtoneError, OSError):
            log.warning("a deletion can't be finished yet", session=directory.key.session, exc_info=True)
        else:
            log.info("finished a deletion", session=directory.key.session)

    async def _record(self, key: SessionKey) -> CatalogRecord | None:
        try:
            return await self.event_store.catalog.get(key)
        except SessionIsDeleted:
            return None

    def _begin_deletion(self, key: SessionKey, record: CatalogRecord | None, lead: str | None) -> None:
        directory = self.spool.create_directory(key)
        directory.sync_parents()
        with acquire_lock(directory.lock) as lock:
            if directory.deleted.exists():  # another request has begun it meanwhile, and perhaps finished
                return
            objects = _object_keys(directory, record)
            for name in _written_by_others(objects, directory, record):
                self.deleted_objects.watch(name)
            self.spool.begin_deletion(directory, Deletion(tuple(objects), lead))
            self.spool.mark_deleted(directory, lock)
        self.sessions.forget(key)

    def _mark(self, directory: SessionDirectory) -> None:
        """Mark a session as deleted; a crash may have come between the start of its deletion and the mark."""
        with acquire_lock(directory.lock) as lock:
            self.spool.mark_deleted(directory, lock)
        self.sessions.forget(directory.key)

    async def _continue_deletion(self, directory: SessionDirectory) -> Receipt:
        key = directory.key
        lock = await self._wait_for_work_lock(directory)
        try:
            under_way = await run_blocking(self.executor, self.spool.deletion, directory)
            if under_way is None:  # finished by another process meanwhile
                raise session_not_found()
            await run_blocking(self.executor, self._mark, directory)
            object_keys = under_way.objects
            deleted = await self._delete_objects(key, object_keys)
            chunks = await run_blocking(self.executor, self.spool.delete_files, directory)
            await self._verify(key, object_keys)
            receipt = _receipt(key, deleted, chunks)
            event = SessionDeleted(objects=len(deleted), receipt_sha256=receipt.sha256)
            trace, lead = current_trace(), under_way.lead
            envelope = make_envelope("ingest", key, event, cause=receipt.timestamp, trace=trace, lead=lead)
            await self.event_store.bus.publish(envelope)
            await run_blocking(self.executor, self.spool.end_deletion, directory)
        finally:
            lock.release()
        return receipt

    async def _wait_for_work_lock(self, directory: SessionDirectory) -> ReleasableLock:
        """Wait for the session's work lock, 10 s at most; later workers see that the session is deleted."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _WORK_LOCK_SECONDS
        while (lock := await run_blocking(self.executor, try_lock, directory.work_lock)) is None:
            if loop.time() > deadline:
                raise Unavailable(
                    "The session is being worked on. It is gone for everyone already, and is erased as soon as that "
                    "ends: ask again for the receipt.",
                    code="busy",
                )
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        return lock

    async def _delete_objects(self, key: SessionKey, object_keys: Sequence[str]) -> list[str]:
        archived = await self.event_store.delete_session(key, await self._record(key))
        deleted = []
        for name in object_keys:
            if await self.event_store.store.head(name) is not None:
                deleted.append(name)
            await self.event_store.store.delete(name)
        return deleted + archived

    async def _verify(self, key: SessionKey, object_keys: Sequence[str]) -> None:
        store = self.event_store.store
        left = [name for name in [*object_keys, result_key(key)] if await store.head(name) is not None]
        left += [name async for name in store.list_keys(event_archive_prefix(key))]
        if left or not await self.event_store.is_deleted(key):
            raise Unavailable("Something of the session is still there: delete it again.", code="not_erased")


def _object_keys(directory: SessionDirectory, record: CatalogRecord | None) -> list[str]:
    """Return all object keys of a session, by its manifest and catalog record; blocks."""
    stored = directory.read_manifest()
    from_spool = [stored.manifest.original if stored else None]
    from_catalog = [record.document, record.ended.original if record.ended else None] if record else []
    made_of_it = {wav_key(directory.key), channels_key(directory.key)}  # perhaps by an attempt that told nothing
    return sorted(made_of_it | {item.object_key for item in [*from_spool, *from_catalog] if item is not None})


def _written_by_others(objects: Sequence[str], directory: SessionDirectory, record: CatalogRecord | None) -> list[str]:
    """Return the keys that something may still be put under: documents, and what an analysis under way stores.

    The analyzer erases what it wrote when it finds the session deleted, but it may be killed in between. Blocks.
    """
    names = [name for name in objects if name.startswith(documents_prefix(directory.key.tenant))]
    ended = record is not None and record.ended is not None
    analyzed = record is not None and isinstance(record.analysis, AnalysisCompleted)
    if not analyzed and (ended or directory.manifest.exists()):
        key = directory.key
        names += [result_key(key), event_archive_key(key, AnalysisCompleted.NAME), bought_answers_prefix(key)]
    return names


def _receipt(key: SessionKey, deleted: list[str], chunks: int) -> Receipt:
    time = rfc3339(now())
    unhashed = Receipt(session_id=key.session, deleted=tuple(deleted), chunks=chunks, sha256="", timestamp=time)
    content = {name: value for name, value in asdict(unhashed).items() if name != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return replace(unhashed, sha256=hashlib.sha256(canonical).hexdigest())
