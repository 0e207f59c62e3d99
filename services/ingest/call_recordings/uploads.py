"""Opens, finds and finalizes uploads of a lead's recordings; each is stored under a path of its own."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import count

from services.ingest.api.filenames import (
    check_content_matches_name,
    extension_of,
    media_type_of_recording,
    safe_filename,
)
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.finalization.manifest_writer import FinalizeParams
from services.ingest.session_state.opened_sessions import OpenedSessions
from services.ingest.session_state.path_claims import ObjectPathClaims
from shared.audio.sniff import SIGNATURE_BYTES
from shared.domain.errors import NotFound, Permanent
from shared.domain.events import AudioFailed
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import OriginalLocation
from shared.domain.object_keys import path_within_tenant, tenant_key
from shared.domain.upload_kind import LeadRecording
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class LeadRef:
    """A lead whose recordings the caller has been authorized for."""

    tenant: str
    id: str


@dataclass(frozen=True, slots=True)
class RecordingUpload:
    """An upload of one recording: its session, and the lead, call and filename that it was opened with."""

    key: SessionKey
    recording: LeadRecording


@dataclass(frozen=True, slots=True)
class FinalizedUpload:
    """A finalized upload; `path` is its object's path within the tenant's prefix, `ended` whether it is stored yet."""

    upload: RecordingUpload
    path: str
    ended: bool


def recording_name(filename: str) -> str:
    """Return a safe filename for a recording; raises InvalidInput unless its extension is an audio type's."""
    name = safe_filename(filename)
    media_type_of_recording(name)
    return name


@dataclass(frozen=True, slots=True)
class RecordingUploads:
    """Opens, finds and finalizes uploads; `folder` is the path of recordings within a tenant's prefix."""

    opened_sessions: OpenedSessions
    finalizer: Finalizer
    claims: ObjectPathClaims
    spool: Spool
    executor: Executor
    folder: str

    async def open(self, lead: LeadRef, call_log: str, filename: str) -> RecordingUpload:
        """Open an upload, durably; `filename` comes from `recording_name`."""
        recording = LeadRecording(lead=lead.id, call_log=call_log, filename=filename)
        return RecordingUpload(await self.opened_sessions.create(lead.tenant, recording), recording)

    async def find(self, lead: LeadRef, upload_id: str) -> RecordingUpload:
        """Return an upload of this lead; raises InvalidInput and NotFound."""
        key, recording = await self.opened_sessions.find(lead.tenant, upload_id, LeadRecording)
        if recording.lead != lead.id:
            raise NotFound("There is no such upload: initialize one first.")
        return RecordingUpload(key, recording)

    async def finalize(self, upload: RecordingUpload, total_chunks: int, *, wait: bool) -> FinalizedUpload:
        """Finalize an upload, and with `wait` wait a limited time until its recording is in the bucket; idempotent.

        A recording of which no WAV can be made is no failure here. Raises InvalidInput where the bytes are not of the
        type that the name says, which leaves the upload open; what `Finalizer.finalize` raises; and Permanent when
        nothing was stored.
        """
        loop = asyncio.get_running_loop()
        original = await loop.run_in_executor(self.executor, self._original, upload)
        ended = await self.finalizer.finalize(upload.key, wait=wait, params=FinalizeParams(total_chunks, original))
        match ended.event if ended else None:
            case AudioFailed(original=None) as failed:
                raise Permanent(failed.reason, code=failed.code)
            case _:
                path = await loop.run_in_executor(self.executor, partial(self._path, upload, original))
                return FinalizedUpload(upload, path, ended is not None)

    def _original(self, upload: RecordingUpload) -> OriginalLocation:
        """Return where the recording is stored: as in its manifest, or under a newly claimed path; blocks."""
        directory = self.spool.session(upload.key)
        stored = directory.read_manifest()
        if stored is not None and stored.manifest.original is not None:
            return stored.manifest.original
        recording = upload.recording
        if head := _read_head(directory):
            check_content_matches_name(recording.filename, head)
        second = self.claims.claim(upload.key, recording.call_log)
        path = f"{self.folder}/{recording.call_log}_{second}.{extension_of(recording.filename)}"
        return OriginalLocation(
            object_key=tenant_key(upload.key.tenant, path),
            filename=recording.filename,
            content_type=media_type_of_recording(recording.filename),
        )

    def _path(self, upload: RecordingUpload, proposed: OriginalLocation) -> str:
        """Return the upload's path, which the first finalize request has set; blocks."""
        stored = self.spool.session(upload.key).read_manifest()
        original = (stored.manifest.original if stored else None) or proposed
        return path_within_tenant(upload.key.tenant, original.object_key)


def _read_head(directory: SessionDirectory) -> bytes:
    """Return an upload's first bytes (4,096 at most), up to the first missing chunk; blocks."""
    head = b""
    for index in count():
        if len(head) >= SIGNATURE_BYTES:
            break
        try:
            with directory.chunk(index).open("rb") as file:
                head += file.read(SIGNATURE_BYTES - len(head))
        except FileNotFoundError:
            break
    return head
