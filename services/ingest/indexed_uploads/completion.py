"""Completes an indexed upload: its file is stored as it was sent, and the main service is notified."""

import asyncio
from dataclasses import dataclass

from services.ingest.api.filenames import media_type_of
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.finalization.manifest_writer import FinalizeParams
from services.ingest.indexed_uploads.callbacks.scheduler import CallbackScheduler
from services.ingest.session_state.opened_sessions import OpenedSessions
from shared.domain.envelope import Envelope
from shared.domain.errors import Conflict, Permanent, Unavailable
from shared.domain.events import AudioFailed, AudioReady, StoredOriginal
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import OriginalLocation
from shared.domain.object_keys import upload_key
from shared.domain.upload_kind import IndexedUpload


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """A stored upload; `notified` is whether the main service has confirmed the callback."""

    original: StoredOriginal
    notified: bool


@dataclass(frozen=True, slots=True)
class UploadCompleter:
    """Completes uploads; idempotent, as `Finalizer` is. Without `callbacks` no main service is notified."""

    opened_sessions: OpenedSessions
    finalizer: Finalizer
    callbacks: CallbackScheduler | None

    async def complete(
        self, tenant: str, session: str, *, file_id: int, total_chunks: int, wait: bool
    ) -> tuple[SessionKey, CompletedUpload | None]:
        """Return the session's key and the stored upload, None if that takes longer than the finalizer waits.

        Raises NotFound, Conflict for another file id and what `ManifestWriter.write` raises; Unavailable and Permanent
        when the file could not be stored.
        """
        started = asyncio.get_running_loop().time()
        key, upload = await self.opened_sessions.find(tenant, session, IndexedUpload)
        if upload.main_service_file_id != file_id:
            raise Conflict(
                "The upload was initialized with another main_service_file_id: send that one.", code="other_file_id"
            )
        if self.callbacks is not None:
            await self.callbacks.add(key)  # before the manifest is written, so that no crash in between loses it
        params = FinalizeParams(total_chunks, _original(key, upload.filename))
        ended = await self.finalizer.finalize(key, wait=wait, params=params)
        if ended is None:
            return key, None
        original = _stored(ended)
        within = self.finalizer.wait_seconds - (asyncio.get_running_loop().time() - started) if wait else 0.0
        notified = self.callbacks is not None and await self.callbacks.wait_delivered(key, ended, within=within)
        return key, CompletedUpload(original, notified)


def _original(key: SessionKey, filename: str) -> OriginalLocation:
    return OriginalLocation(
        object_key=upload_key(key, filename), filename=filename, content_type=media_type_of(filename)
    )


def _stored(ended: Envelope) -> StoredOriginal:
    """Return the stored file, which is there even if no WAV could be made of it; else raise why it is not."""
    match ended.event:
        case AudioReady(original=StoredOriginal() as original) | AudioFailed(original=StoredOriginal() as original):
            return original
        case AudioFailed(retryable=True) as failed:
            raise Unavailable(f"{failed.reason} Complete the upload again later.", code=failed.code)
        case AudioFailed() as failed:
            raise Permanent(failed.reason, code=failed.code)
        case other:
            raise TypeError(f"an upload does not end with {other.NAME}")
