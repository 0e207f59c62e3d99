"""What closes a session that never had chunks: its recording was in the bucket before we heard of it."""

from dataclasses import dataclass

from services.ingest.finalization.manifest_writer import write_manifest, wrong_upload_kind
from shared.domain.clock import now, rfc3339
from shared.domain.errors import NotFound
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import Manifest, OriginalLocation
from shared.domain.upload_kind import RegisteredDocument
from shared.observability.trace import Trace
from shared.storage.lock_files import acquire_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class DocumentManifests:
    """Writes the manifests of documents; every method blocks."""

    spool: Spool

    def deleted(self, key: SessionKey) -> bool:
        """Whether a document of this name was deleted, perhaps not to the end yet."""
        return self.spool.session(key).deleted.exists()

    def has_manifest(self, key: SessionKey) -> bool:
        """Whether the spool remembers the order to work on a document."""
        return self.spool.session(key).manifest.exists()

    def write(self, key: SessionKey, file: RegisteredDocument, trace: Trace) -> Manifest:
        """Write a document's manifest durably, or return the one that is there; raises OSError.

        Raises NotFound for a document that was deleted, and Conflict where a session has taken its name.
        """
        directory = self.spool.create_directory(key)
        directory.sync_parents()
        with acquire_lock(directory.lock) as lock:
            if directory.deleted.exists():
                raise document_deleted()
            stored = directory.read_manifest() or write_manifest(
                directory, lock, _manifest(directory, file, trace), self.spool.temporaries
            )
        return stored.manifest


def document_deleted() -> NotFound:
    """Return what is told to whoever registers a document again that was deleted."""
    return NotFound("The document was deleted: upload it under a new address.")


def original_of(file: RegisteredDocument) -> OriginalLocation:
    """Return a document as the recording that is kept as it was sent: where it lies already."""
    return OriginalLocation(
        object_key=file.object_key, filename=file.filename, content_type=file.mime_type, in_bucket=True
    )


def _manifest(directory: SessionDirectory, file: RegisteredDocument, trace: Trace) -> Manifest:
    if directory.chunk_sizes() or directory.read_metadata() is not None:
        raise wrong_upload_kind()
    time = rfc3339(now())
    return Manifest(
        tenant=directory.key.tenant,
        session=directory.key.session,
        chunks=(),
        request_id=trace.request_id,
        traceparent=trace.traceparent,
        finalized_at=time,
        opened_at=time,
        purpose=file,
        original=original_of(file),
    )
