"""The three use cases of direct uploads, put together."""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

from services.ingest.documents.manifests import DocumentManifests
from services.ingest.documents.reader import DocumentReader
from services.ingest.documents.registrations import DocumentRegistrar
from services.ingest.documents.upload_urls import UploadUrlSigner
from services.ingest.finalization.finalizer import Finalizer
from shared.catalog.event_store import EventStore
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class DocumentCases:
    """What the document routes call."""

    addresses: UploadUrlSigner
    registrations: DocumentRegistrar
    reader: DocumentReader

    @classmethod
    def of(
        cls,
        *,
        seconds: int,
        largest: int,
        spool: Spool,
        executor: Executor,
        chronicle: EventStore,
        finalizer: Finalizer,
    ) -> Self:
        """Make them of what ingest has opened.

        Addresses hold for `seconds` unless asked otherwise; a recording may have `largest` bytes.
        """
        return cls(
            addresses=UploadUrlSigner(chronicle.store, seconds, largest),
            registrations=DocumentRegistrar(chronicle, DocumentManifests(spool), finalizer, executor, largest),
            reader=DocumentReader(spool, executor, chronicle.catalog, chronicle.store, seconds),
        )
