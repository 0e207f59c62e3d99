"""Rejects session ids that were used before, by the catalog: ended sessions leave the spool after a while.

Clients choose the ids of raw sessions. A second recording under a used id would replace the first.
"""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass

from services.ingest.api.session_resource import check_lead_access
from services.ingest.session_state.session_cache import SessionCache
from shared.catalog.catalog import Catalog, SessionIsDeleted
from shared.catalog.record import CatalogRecord
from shared.domain.caller import Caller
from shared.domain.errors import Conflict, NotFound, Unavailable
from shared.domain.identifiers import SessionKey
from shared.process.tasks import run_blocking
from shared.storage.spool import Spool

_CATALOG_SECONDS = 0.5  # a get takes milliseconds, once a session; a hung bus must not hold up a chunk


@dataclass(frozen=True, slots=True)
class UsedSessionIds:
    """Asks the catalog about sessions that are neither cached nor in the spool."""

    spool: Spool
    sessions: SessionCache
    executor: Executor
    catalog: Catalog

    async def check_unused(self, key: SessionKey, caller: Caller) -> None:
        """Raise Conflict for the id of an ended session, NotFound if it was deleted or is another lead's.

        Passes while the catalog is unavailable: a chunk is never rejected because the bus is away.
        """
        if self.sessions.has(key) or await run_blocking(self.executor, self.spool.session(key).exists):
            return
        try:
            async with asyncio.timeout(_CATALOG_SECONDS):
                record = await self.catalog.get(key)
        except SessionIsDeleted:
            raise NotFound("The session was deleted: use a new session id.") from None
        except (Unavailable, TimeoutError):
            return
        if record is None:
            return
        check_lead_access(caller, record.lead)
        if _has_ended(record):
            raise Conflict("The session id was used before, and takes no more chunks: use a new one.", code="finalized")


def _has_ended(record: CatalogRecord) -> bool:
    return (record.ended or record.expired or record.document) is not None
