"""The three use cases of direct uploads, put together."""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

from services.ingest.document_manifests import DocumentManifests
from services.ingest.document_reader import DocumentReader
from services.ingest.finalize import Finalizer
from services.ingest.registrations import Registrations
from services.ingest.settings import IngestSettings
from services.ingest.upload_addresses import UploadAddresses
from shared.chronicle import Chronicle
from shared.spool import Spool


@dataclass(frozen=True, slots=True)
class DocumentCases:
    """What the document routes call."""

    addresses: UploadAddresses
    registrations: Registrations
    reader: DocumentReader

    @classmethod
    def of(
        cls, settings: IngestSettings, *, spool: Spool, executor: Executor, chronicle: Chronicle, finalizer: Finalizer
    ) -> Self:
        """Make them of what ingest has opened."""
        seconds, largest = settings.cloudflare_r2_signed_url_expiry, settings.max_session_size
        return cls(
            addresses=UploadAddresses(chronicle.store, seconds, largest),
            registrations=Registrations(chronicle, DocumentManifests(spool), finalizer, executor, largest),
            reader=DocumentReader(spool, executor, chronicle.catalog, chronicle.store, seconds),
        )
