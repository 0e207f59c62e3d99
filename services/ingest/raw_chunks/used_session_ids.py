"""Session ids that were used so long ago that the spool does not remember: only the catalog does.

Clients choose the ids of raw sessions. One that is used again would put a second recording in the place of the first.
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

_CATALOG_SECONDS = 0.5  # a look takes milliseconds, once a session; a frozen bus must not keep a recording waiting


@dataclass(frozen=True, slots=True)
class UsedSessionIds:
    """Asks the catalog once for each session that neither memory nor spool knows."""

    spool: Spool
    sessions: SessionCache
    executor: Executor
    catalog: Catalog

    async def check_unused(self, key: SessionKey, caller: Caller) -> None:
        """Raise Conflict for an id whose session ended long ago, NotFound if it was deleted or is another lead's.

        A catalog that can't be asked refuses nobody: a chunk is never turned away for want of the bus.
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
