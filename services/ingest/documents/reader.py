"""Reads a registered document from the catalog, and signs a download URL for it."""

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
    """A document, its presigned download URL, valid until `expires_at`, and its public URL if the bucket has one."""

    document: DocumentRegistered
    download_url: str
    expires_at: datetime
    public_url: str | None


@dataclass(frozen=True, slots=True)
class DocumentReader:
    """Reads documents; `signed_seconds` is how long a download URL is valid."""

    spool: Spool
    executor: Executor
    catalog: Catalog
    store: ObjectStore
    signed_seconds: int

    async def read(self, key: SessionKey) -> FoundDocument:
        """Return a document; raises NotFound for an unknown or deleted one, and Unavailable without the bus."""
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
            return None  # hidden from clients as soon as its deletion has begun
        try:
            record = await self.catalog.get(key)
        except SessionIsDeleted:
            return None
        return record.document if record else None
