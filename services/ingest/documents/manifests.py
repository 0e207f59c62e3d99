"""Writes the manifest of a registered document, a session without chunks: its recording is in the bucket already."""

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
        """Whether the document was deleted, even if its deletion is not finished yet."""
        return self.spool.session(key).deleted.exists()

    def has_manifest(self, key: SessionKey) -> bool:
        """Whether the document's manifest is in the spool."""
        return self.spool.session(key).manifest.exists()

    def write(self, key: SessionKey, file: RegisteredDocument, trace: Trace) -> Manifest:
        """Write a document's manifest durably, or return the stored one.

        Raises NotFound for a deleted document, Conflict if an upload has opened a session of the same id, and OSError.
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
    """Return the error for registering a document that was deleted."""
    return NotFound("The document was deleted: upload it under a new address.")


def original_of(file: RegisteredDocument) -> OriginalLocation:
    """Return a document's object as the location of its original, which is in the bucket already."""
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
