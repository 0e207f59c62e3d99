"""The use case behind `DELETE /sessions/{id}`: everything erased, looked for again, and a receipt for it."""

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
from shared.domain.events import SessionDeleted
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import documents_prefix, event_archive_prefix, wav_key
from shared.http.fields import Count, Identifier, Sha256, Timestamp
from shared.observability.trace import current_trace
from shared.process.tasks import run_blocking
from shared.storage.lock_files import ReleasableLock, acquire_lock, try_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Deletion, Spool

log = structlog.stdlib.get_logger(__name__)

_BUSY_SECONDS = 10.0  # what work in progress may take to end before the caller is asked to come again
_ASK_EVERY = 0.1
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
    """Erases sessions of any family; a deletion that was begun is gone on with until it is done."""

    spool: Spool
    sessions: SessionCache
    executor: Executor
    chronicle: EventStore
    late: DeletedObjectWatch

    async def delete(self, key: SessionKey, caller: Caller) -> Receipt:
        """Erase everything of a session; raises NotFound, also for another lead's, and Unavailable if it can't end now.

        In that case the session is gone for its clients already, and is erased as soon as it can be.
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
        """Go on with deletions that did not end: when the bus comes (back) and every minute, until cancelled."""
        wake = asyncio.Event()
        self.chronicle.bus.on_ready(wake.set)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_RESUME_SECONDS):
                    await wake.wait()
            wake.clear()
            try:
                left = await run_blocking(self.executor, self.spool.deletions)
            except OSError:
                log.exception("the spool can't be read; looking again soon")
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
            return await self.chronicle.catalog.get(key)
        except SessionIsDeleted:
            return None

    def _begin_deletion(self, key: SessionKey, record: CatalogRecord | None, lead: str | None) -> None:
        directory = self.spool.create_directory(key)
        directory.sync_parents()
        with acquire_lock(directory.lock) as lock:
            if directory.deleted.exists():  # begun by somebody else since we looked, and perhaps ended
                return
            objects = _object_keys(directory, record)
            for name in objects:
                if name.startswith(documents_prefix(key.tenant)):
                    self.late.watch(name)
            self.spool.begin_deletion(directory, Deletion(tuple(objects), lead))
            self.spool.mark_deleted(directory, lock)
        self.sessions.forget(key)

    def _mark(self, directory: SessionDirectory) -> None:
        """Mark a session whose deletion was begun: whoever began it may not have lived to do so."""
        with acquire_lock(directory.lock) as lock:
            self.spool.mark_deleted(directory, lock)
        self.sessions.forget(directory.key)

    async def _continue_deletion(self, directory: SessionDirectory) -> Receipt:
        key = directory.key
        lock = await self._wait_for_work_lock(directory)
        try:
            under_way = await run_blocking(self.executor, self.spool.deletion, directory)
            if under_way is None:  # somebody else finished it while we waited
                raise session_not_found()
            await run_blocking(self.executor, self._mark, directory)
            wanted = under_way.objects
            erased = await self._erase(key, wanted)
            chunks = await run_blocking(self.executor, self.spool.delete_files, directory)
            await self._verify(key, wanted)
            receipt = _receipt(key, erased, chunks)
            gone = SessionDeleted(objects=len(erased), receipt_sha256=receipt.sha256)
            trace, lead = current_trace(), under_way.lead
            told = make_envelope("ingest", key, gone, cause=receipt.timestamp, trace=trace, lead=lead)
            await self.chronicle.bus.publish(told)
            await run_blocking(self.executor, self.spool.end_deletion, directory)
        finally:
            lock.release()
        return receipt

    async def _wait_for_work_lock(self, directory: SessionDirectory) -> ReleasableLock:
        """Wait until nobody works on the session; whoever comes later sees that it is deleted."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _BUSY_SECONDS
        while (lock := await run_blocking(self.executor, try_lock, directory.work_lock)) is None:
            if loop.time() > deadline:
                raise Unavailable(
                    "The session is being worked on. It is gone for everyone already, and is erased as soon as that "
                    "ends: ask again for the receipt.",
                    code="busy",
                )
            await asyncio.sleep(_ASK_EVERY)
        return lock

    async def _erase(self, key: SessionKey, wanted: Sequence[str]) -> list[str]:
        kept = await self.chronicle.delete_session(key, await self._record(key))
        erased = []
        for name in wanted:
            if await self.chronicle.store.head(name) is not None:
                erased.append(name)
            await self.chronicle.store.delete(name)
        return erased + kept

    async def _verify(self, key: SessionKey, wanted: Sequence[str]) -> None:
        store = self.chronicle.store
        left = [name for name in wanted if await store.head(name) is not None]
        left += [name async for name in store.list_keys(event_archive_prefix(key))]
        if left or not await self.chronicle.is_deleted(key):
            raise Unavailable("Something of the session is still there: delete it again.", code="not_erased")


def _object_keys(directory: SessionDirectory, record: CatalogRecord | None) -> list[str]:
    """Return every key that may hold something of a session, from all that is known of it; blocks."""
    stored = directory.read_manifest()
    known = [stored.manifest.original if stored else None]
    told = [record.document, record.ended.original if record.ended else None] if record else []
    return sorted({wav_key(directory.key)} | {item.object_key for item in [*known, *told] if item is not None})


def _receipt(key: SessionKey, erased: list[str], chunks: int) -> Receipt:
    time = rfc3339(now())
    unsealed = Receipt(session_id=key.session, deleted=tuple(erased), chunks=chunks, sha256="", timestamp=time)
    content = {name: value for name, value in asdict(unsealed).items() if name != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return replace(unsealed, sha256=hashlib.sha256(canonical).hexdigest())
