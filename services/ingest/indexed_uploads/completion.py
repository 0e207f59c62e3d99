"""The use case behind completing an upload: the file stored as it was sent, and its main service told."""

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
    """A stored upload; `notified` only if its main service has confirmed that it was told."""

    original: StoredOriginal
    notified: bool


@dataclass(frozen=True, slots=True)
class UploadCompleter:
    """Completes uploads; idempotent, as finalizing is. Without `callbacks` nobody is told."""

    openings: OpenedSessions
    finalizer: Finalizer
    callbacks: CallbackScheduler | None

    async def complete(
        self, tenant: str, session: str, *, file_id: int, total_chunks: int, wait: bool
    ) -> tuple[SessionKey, CompletedUpload | None]:
        """Return the stored upload, or None for it when that takes longer than the finalizer waits.

        That its main service is to be told is durable before its manifest is written, so no crash in between loses it.
        Raises NotFound, Conflict for another file id and what `ManifestWriter.write` raises; Unavailable and Permanent
        when the file could not be stored.
        """
        started = asyncio.get_running_loop().time()
        key, purpose = await self.openings.find(tenant, session, IndexedUpload)
        if purpose.main_service_file_id != file_id:
            raise Conflict(
                "The upload was initialized with another main_service_file_id: send that one.", code="other_file_id"
            )
        if self.callbacks is not None:
            await self.callbacks.add(key)
        closing = FinalizeParams(total_chunks, _original(key, purpose.filename))
        ended = await self.finalizer.finalize(key, wait=wait, params=closing)
        if ended is None:
            return key, None
        original = _stored(ended)
        left = self.finalizer.wait_seconds - (asyncio.get_running_loop().time() - started) if wait else 0.0
        notified = self.callbacks is not None and await self.callbacks.wait_delivered(key, ended, within=left)
        return key, CompletedUpload(original, notified)


def _original(key: SessionKey, filename: str) -> OriginalLocation:
    return OriginalLocation(
        object_key=upload_key(key, filename), filename=filename, content_type=media_type_of(filename)
    )


def _stored(ended: Envelope) -> StoredOriginal:
    """Return what is stored; a file of which no WAV can be made is stored all the same."""
    match ended.event:
        case AudioReady(original=StoredOriginal() as original) | AudioFailed(original=StoredOriginal() as original):
            return original
        case AudioFailed(retryable=True) as failed:
            raise Unavailable(f"{failed.reason} Complete the upload again later.", code=failed.code)
        case AudioFailed() as failed:
            raise Permanent(failed.reason, code=failed.code)
        case other:
            raise TypeError(f"an upload does not end with {other.NAME}")
