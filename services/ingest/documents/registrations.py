"""Registers an object in the bucket as a document; a recording is finalized as well, so that it is assembled."""

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
    """Registers documents; idempotent: an object has one id, and at most one manifest.

    `largest_recording` in bytes.
    """

    event_store: EventStore
    manifests: DocumentManifests
    finalizer: Finalizer
    executor: Executor
    largest_recording: int

    async def register(self, tenant: str, file: RegisteredDocument) -> tuple[SessionKey, DocumentRegistered]:
        """Register the object, and return its document and session key; a retry completes what a crash interrupted.

        Raises NotFound, Conflict for another size or an object that is registered with other data, TooLarge,
        Unavailable and OSError.
        """
        # The manifest is written before the event: what is listed as registered will be assembled.
        await self._look_up(tenant, file)
        key = document_key(tenant, file.object_key)
        recording = is_recording(file.mime_type, file.filename)
        try:
            document = await self._first_registration(key, file, recording=recording)
        except SessionIsDeleted:
            raise document_deleted() from None
        if not await self.event_store.append(_registered_event(key, document)):
            raise document_deleted()
        if recording and not await self._has_ended(key):
            await self.finalizer.finalize(key, wait=False, params=FinalizeParams(0, original_of(file)))
        return key, document

    async def _has_ended(self, key: SessionKey) -> bool:
        """Whether the recording has a result, and its manifest was removed from the spool; raises SessionIsDeleted."""
        if await run_blocking(self.executor, self.manifests.has_manifest, key):
            return False
        record = await self.event_store.catalog.get(key)
        return record is not None and record.ended is not None

    async def _look_up(self, tenant: str, file: RegisteredDocument) -> None:
        found = await self.event_store.store.head(file.object_key) if is_object_key(tenant, file.object_key) else None
        if found is None:
            raise NotFound("There is no such object: upload it first, and give its object_key as file_path.")
        if found.size != file.size_bytes:
            raise Conflict(
                f"The object has {found.size} bytes, not {file.size_bytes}: correct file_size or upload it again.",
                code="other_size",
            )
        await self.event_store.store.sync(file.object_key)
        check_recording_size(file.mime_type, file.filename, found.size, self.largest_recording)

    async def _first_registration(
        self, key: SessionKey, file: RegisteredDocument, *, recording: bool
    ) -> DocumentRegistered:
        """Return the object's one document: a registered one, or the first of concurrent registrations.

        Raises SessionIsDeleted.
        """
        if await run_blocking(self.executor, self.manifests.deleted, key):
            raise SessionIsDeleted
        record = await self.event_store.catalog.get(key)
        document = record.document if record else None
        if document is None:
            created_at = await self._write_manifest(key, file) if recording else rfc3339(now())
            document = self._document(file, created_at, recording=recording)
            document = (await self.event_store.catalog.apply(_registered_event(key, document))).document or document
        _check_same_file(document, file)
        return document

    async def _write_manifest(self, key: SessionKey, file: RegisteredDocument) -> str:
        """Write the manifest durably; returns when it was first written."""
        manifest = await run_blocking(self.executor, self.manifests.write, key, file, current_trace())
        if manifest.purpose != file:
            raise _registered_otherwise()
        return manifest.opened_at

    def _document(self, file: RegisteredDocument, created_at: str, *, recording: bool) -> DocumentRegistered:
        return DocumentRegistered(
            filename=file.filename,
            object_key=file.object_key,
            url=self.event_store.store.url(file.object_key),
            size_bytes=file.size_bytes,
            mime_type=file.mime_type,
            created_at=created_at,
            is_audio=recording,
        )


def _registered_event(key: SessionKey, document: DocumentRegistered) -> Envelope:
    """Make the event of a document: the same event, with the same time, at every repetition."""
    envelope = make_envelope("ingest", key, document, cause=document.object_key, trace=current_trace())
    return replace(envelope, time=datetime.fromisoformat(document.created_at))


def _check_same_file(document: DocumentRegistered, file: RegisteredDocument) -> None:
    before = (document.filename, document.size_bytes, document.mime_type)
    if before != (file.filename, file.size_bytes, file.mime_type):
        raise _registered_otherwise()


def _registered_otherwise() -> Conflict:
    return Conflict(
        "The object is registered already, with another filename, size or type: upload it under a new address.",
        code="registered",
    )
