"""The use case that finds a registered document again, and signs an address from which it can be read."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.catalog.catalog import Catalog, SessionIsDeleted
from shared.domain.clock import now
from shared.domain.errors import NotFound
from shared.domain.events import DocumentRegistered
from shared.domain.identifiers import SessionKey
from shared.storage.object_store import ObjectStore
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document, the address that it can be read from until `expires_at`, and its public one if there is any."""

    document: DocumentRegistered
    download_url: str
    expires_at: datetime
    public_url: str | None


@dataclass(frozen=True, slots=True)
class DocumentReader:
    """Reads documents' records; `signed_seconds` is how long an address holds."""

    spool: Spool
    executor: Executor
    catalog: Catalog
    store: ObjectStore
    signed_seconds: int

    async def read(self, key: SessionKey) -> FoundDocument:
        """Return a document; raises NotFound for one that never was or was deleted, and Unavailable without the bus."""
        document = await self._document(key)
        if document is None:
            raise NotFound("There is no such document.")
        signed_at = now().replace(microsecond=0)
        return FoundDocument(
            document=document,
            download_url=await self.store.presigned_get(document.object_key, self.signed_seconds),
            expires_at=signed_at + timedelta(seconds=self.signed_seconds),
            public_url=self.store.public_url(document.object_key),
        )

    async def _document(self, key: SessionKey) -> DocumentRegistered | None:
        deleted = self.spool.session(key).deleted
        if await asyncio.get_running_loop().run_in_executor(self.executor, deleted.exists):
            return None  # for its clients it is gone from here on, however long erasing takes
        try:
            record = await self.catalog.get(key)
        except SessionIsDeleted:
            return None
        return record.document if record else None
