"""The use case that makes a document of a file in the bucket, and a recording of one that can be heard."""

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from services.ingest.api.filenames import is_recording
from services.ingest.documents.manifests import DocumentManifests, document_deleted, original_of
from services.ingest.documents.object_keys import document_key, is_object_key
from services.ingest.documents.upload_urls import check_recording_size
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.finalization.manifest_writer import FinalizeParams
from shared.catalog.catalog import SessionIsDeleted
from shared.catalog.event_store import EventStore
from shared.domain.clock import now, rfc3339
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.errors import Conflict, NotFound
from shared.domain.events import DocumentRegistered
from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import RegisteredDocument
from shared.observability.trace import current_trace
from shared.process.tasks import run_blocking


@dataclass(frozen=True, slots=True)
class DocumentRegistrar:
    """Registers documents; idempotent, since an object has one id, and one manifest if it is a recording.

    `largest_recording` in bytes.
    """

    chronicle: EventStore
    manifests: DocumentManifests
    finalizer: Finalizer
    executor: Executor
    largest_recording: int

    async def register(self, tenant: str, file: RegisteredDocument) -> tuple[SessionKey, DocumentRegistered]:
        """Look the object up, and return its document and that one's key; after a crash a retry completes it.

        First the manifest, so that whatever is seen as registered will be worked on, then the event, then the work.
        Raises NotFound, Conflict for another size or an object that is registered as something else, TooLarge,
        Unavailable and OSError.
        """
        await self._look_up(tenant, file)
        key = document_key(tenant, file.object_key)
        recording = is_recording(file.mime_type, file.filename)
        try:
            document = await self._first_registration(key, file, recording=recording)
        except SessionIsDeleted:
            raise document_deleted() from None
        if not await self.chronicle.append(_registered_event(key, document)):
            raise document_deleted()
        if recording and not await self._has_ended(key):
            await self.finalizer.finalize(key, wait=False, params=FinalizeParams(0, original_of(file)))
        return key, document

    async def _has_ended(self, key: SessionKey) -> bool:
        """Whether the work is done, perhaps so long ago that the spool has forgotten the order; raises Deleted."""
        if await run_blocking(self.executor, self.manifests.has_manifest, key):
            return False
        record = await self.chronicle.catalog.get(key)
        return record is not None and record.ended is not None

    async def _look_up(self, tenant: str, file: RegisteredDocument) -> None:
        found = await self.chronicle.store.head(file.object_key) if is_object_key(tenant, file.object_key) else None
        if found is None:
            raise NotFound("There is no such object: upload it first, and give its object_key as file_path.")
        if found.size != file.size_bytes:
            raise Conflict(
                f"The object has {found.size} bytes, not {file.size_bytes}: correct file_size or upload it again.",
                code="other_size",
            )
        await self.chronicle.store.sync(file.object_key)
        check_recording_size(file.mime_type, file.filename, found.size, self.largest_recording)

    async def _first_registration(
        self, key: SessionKey, file: RegisteredDocument, *, recording: bool
    ) -> DocumentRegistered:
        """Return the one document of this object: an earlier one, or the first to come of those that come now.

        Raises Deleted.
        """
        if await run_blocking(self.executor, self.manifests.deleted, key):
            raise SessionIsDeleted
        record = await self.chronicle.catalog.get(key)
        document = record.document if record else None
        if document is None:
            created_at = await self._write_manifest(key, file) if recording else rfc3339(now())
            document = self._document(file, created_at, recording=recording)
            document = (await self.chronicle.catalog.apply(_registered_event(key, document))).document or document
        _check_same_file(document, file)
        return document

    async def _write_manifest(self, key: SessionKey, file: RegisteredDocument) -> str:
        """Order the work durably; returns when that was first done."""
        manifest = await run_blocking(self.executor, self.manifests.write, key, file, current_trace())
        if manifest.purpose != file:
            raise _other()
        return manifest.opened_at

    def _document(self, file: RegisteredDocument, created_at: str, *, recording: bool) -> DocumentRegistered:
        return DocumentRegistered(
            filename=file.filename,
            object_key=file.object_key,
            url=self.chronicle.store.url(file.object_key),
            size_bytes=file.size_bytes,
            mime_type=file.mime_type,
            created_at=created_at,
            is_audio=recording,
        )


def _registered_event(key: SessionKey, document: DocumentRegistered) -> Envelope:
    """Wrap a document so that whoever tells it again tells the same event, of the same time."""
    told = make_envelope("ingest", key, document, cause=document.object_key, trace=current_trace())
    return replace(told, time=datetime.fromisoformat(document.created_at))


def _check_same_file(document: DocumentRegistered, file: RegisteredDocument) -> None:
    before = (document.filename, document.size_bytes, document.mime_type)
    if before != (file.filename, file.size_bytes, file.mime_type):
        raise _other()


def _other() -> Conflict:
    return Conflict(
        "The object is registered already, with another filename, size or type: upload it under a new address.",
        code="registered",
    )
