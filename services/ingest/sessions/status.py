"""Reads a session's status from its directory in the spool and its record in the catalog."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.ingest.api.session_resource import check_lead_access, session_not_found
from services.ingest.session_state.expiry import ExpiryRecord, read_expiry
from services.ingest.sessions.status_schema import Downloads, SessionStatus, SpoolView, build_status
from shared.catalog.catalog import Catalog, SessionIsDeleted
from shared.catalog.record import CatalogRecord, apply_event
from shared.domain.caller import Caller
from shared.domain.envelope import Envelope
from shared.domain.errors import Unavailable
from shared.domain.events import AudioFailed, AudioReady
from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import lead_of
from shared.storage.lock_files import lock_created
from shared.storage.object_store import ObjectStore
from shared.storage.session_directory import SessionDirectory, SessionMetadata
from shared.storage.spool import Spool

_CATALOG_SECONDS = 0.5  # a get takes milliseconds; a hung bus must not hold up the response


def read_spool_view(directory: SessionDirectory) -> tuple[SpoolView | None, Envelope | None]:
    """Return a session's view and result from its directory, None for each that is not there; blocks.

    Raises NotFound for a deleted session. An empty directory, left by a rejected chunk, counts as no session.
    """
    if directory.deleted.exists():
        raise session_not_found()
    try:
        created = lock_created(directory.lock) if directory.lock.exists() else directory.path.stat().st_mtime
        updated = directory.path.stat().st_mtime
        stored = directory.read_manifest()
        sizes = [chunk.size for chunk in stored.manifest.chunks] if stored else list(directory.chunk_sizes().values())
        outcome = directory.read_result()
        metadata = directory.read_metadata()
        expiry = read_expiry(directory)
    except FileNotFoundError:
        return None, None
    if not sizes and stored is None and metadata is None and expiry is None:
        return None, None
    if expiry is not None:
        return _expired(expiry, metadata), None
    view = SpoolView(
        finalized=stored is not None,
        expired=False,
        chunks=len(sizes),
        bytes=sum(sizes),
        created_at=datetime.fromtimestamp(created, UTC),
        updated_at=datetime.fromtimestamp(updated, UTC),
        lead=lead_of(stored.manifest.purpose if stored else metadata.purpose if metadata else None),
    )
    return view, outcome


def _expired(expiry: ExpiryRecord, metadata: SessionMetadata | None) -> SpoolView:
    return SpoolView(
        finalized=False,
        expired=True,
        chunks=expiry.chunks,
        bytes=expiry.bytes,
        created_at=datetime.fromisoformat(expiry.opened_at),
        updated_at=datetime.fromisoformat(expiry.expired_at),
        lead=lead_of(metadata.purpose if metadata else None),
    )


def check_lead_access_everywhere(caller: Caller, view: SpoolView | None, record: CatalogRecord | None) -> None:
    """Raise NotFound if the session belongs to a lead, by spool or catalog, that the caller may not access."""
    check_lead_access(caller, view.lead if view else None)
    check_lead_access(caller, record.lead if record else None)


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session that a caller may see: its view in the spool and its record, at least one of them not None.

    Without the catalog the record is of the spool's result alone, and has no analysis.
    """

    view: SpoolView | None
    record: CatalogRecord | None
    catalog_available: bool


@dataclass(frozen=True, slots=True)
class StatusReader:
    """Serves `GET /sessions/{id}`; without the bus the status is of the spool alone."""

    spool: Spool
    executor: Executor
    catalog: Catalog
    store: ObjectStore

    async def read(self, key: SessionKey, caller: Caller) -> SessionStatus:
        """Return a session's status; raises NotFound, also for another lead's."""
        found = await self.find(key, caller)
        return build_status(key.session, found.view, found.record, await self._downloads(found.record))

    async def find(self, key: SessionKey, caller: Caller) -> FoundSession:
        """Return what is known of a session; raises NotFound, also for another lead's."""
        loop = asyncio.get_running_loop()
        view, outcome = await loop.run_in_executor(self.executor, read_spool_view, self.spool.session(key))
        record, available = await self._record(key)
        if record is None and outcome is not None:
            record = apply_event(None, outcome)
        if view is None and record is None:
            raise session_not_found() if available else catalog_unavailable()
        check_lead_access_everywhere(caller, view, record)
        if record is not None and view is not None and view.finalized and outcome is None:
            record = _without_earlier_failure(record)
        return FoundSession(view, record, available)

    async def _record(self, key: SessionKey) -> tuple[CatalogRecord | None, bool]:
        """Return the catalog's record, and whether the catalog was available."""
        try:
            async with asyncio.timeout(_CATALOG_SECONDS):
                return await self.catalog.get(key), True
        except SessionIsDeleted:
            raise session_not_found() from None
        except (Unavailable, TimeoutError):
            return None, False

    async def _downloads(self, record: CatalogRecord | None) -> Downloads:
        if record is None:
            return Downloads()
        ended = record.ended
        wav = ended.object_key if isinstance(ended, AudioReady) else None
        original = (ended.original if ended else None) or record.document
        return Downloads(await self._signed(wav), await self._signed(original.object_key if original else None))

    async def _signed(self, key: str | None) -> str | None:
        try:
            return None if key is None else await self.store.presigned_get(key)
        except Unavailable:
            return None


def catalog_unavailable() -> Unavailable:
    """Return the error for what is not in the spool, while the catalog is unavailable."""
    return Unavailable("This is not here, and the catalog can't be asked: try again.", code="bus_unavailable")


def _without_earlier_failure(record: CatalogRecord) -> CatalogRecord:
    """Remove an earlier, retryable failure from the record: the session is being tried again."""
    failed = isinstance(record.ended, AudioFailed) and record.ended.retryable
    return replace(record, ended=None, ended_at=None) if failed else record
