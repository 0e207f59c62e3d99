"""The assembler's queue worker: assembles each finalized session once and publishes its result."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from services.assembler.assemble import Assembler, upload_summary
from shared.catalog.catalog import CatalogEntry, SessionIsDeleted
from shared.catalog.event_store import EventStore
from shared.domain.envelope import Envelope, event_id, make_envelope
from shared.domain.errors import Permanent, RoomtoneError, Unavailable
from shared.domain.events import AudioFailed, AudioReady, SessionFinalized
from shared.domain.manifest import StoredManifest
from shared.domain.upload_kind import lead_of
from shared.process.failpoints import failpoint
from shared.storage.lock_files import ReleasableLock, try_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool, is_final

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _SessionState:
    """What a session's directory holds: the deletion mark, the result event, and the manifest."""

    deleted: bool
    result: Envelope | None
    manifest: StoredManifest | None


@dataclass(frozen=True, slots=True)
class AssemblyWorker:
    """Assembles a session, publishes its result, and only then erases its chunks; the queue acknowledges after that.

    Every step may run twice: a result is published again under the same id. One worker at a time holds a session's
    work lock. What `handle` does, by what it finds (the first line that fits):

    ================================================  ==========================================================
    in the session's directory and in the catalog     then
    ================================================  ==========================================================
    no directory                                      Unavailable `not_here`: the queue tries again
    work lock held by another worker or a deletion    Unavailable `busy`: the queue tries again
    deletion mark                                     nothing: the job is done
    no manifest                                       Unavailable `not_here`: the queue tries again
    result of this job, or a final one of any job     publish it again, finish the session
    failure of another job, chunks still there        delete it and go on below: a further attempt was asked for
    catalog: final result of the job's manifest       publish that again, finish the session
    manifest other than the job's                     Permanent `other_manifest`
    anything else                                     assemble, upload, publish the result, finish the session
    ================================================  ==========================================================

    A result is final if the bucket holds what was sent: `audio.ready`, or `audio.failed` with the original stored.
    To finish a session is to write its result into the directory, and to erase the chunks if the result is final. If
    the session is deleted before the result is published, the uploaded objects are deleted instead.

    `give_up` publishes `audio.failed` for a job that failed for good or used up its tries; its chunks stay.
    """

    spool: Spool
    event_store: EventStore
    assembler: Assembler

    async def handle(self, job: Envelope, *, last_try: bool = False) -> None:  # noqa: ARG002  # its last try is like the others
        """Bring one session to its result; raises Permanent or Unavailable."""
        finalized = _finalized(job)
        directory = self.spool.session(job.key)
        async with _hold_session(directory) as state:
            if state.deleted:
                return
            if state.manifest is None:
                raise _session_not_in_spool()
            stored, result = state.manifest, state.result
            if result is not None and _failed_in_other_job(job, result):
                await asyncio.to_thread(directory.result.unlink, missing_ok=True)
                result = None
            entry = None
            if result is None:
                entry = await self._catalog_entry(job)
                result = _final_event(job, entry)
            if result is None:
                if stored.sha256 != finalized.manifest_sha256:
                    raise Permanent("The manifest is not the one that was finalized.", code="other_manifest")
                ended = await self.assembler.assemble(directory, stored)
                failpoint("assembler.uploaded")
                lead = lead_of(stored.manifest.purpose)
                result = _result_event(job, ended, lead)
            await self._publish_and_finish(directory, stored, result, entry)
        failpoint("assembler.closed")

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Publish `audio.failed` with a reason fit for a caller, unless the catalog has a final result already.

        A final result is published again without archiving it: archiving may be what failed. The chunks of such a
        recording stay for a further try.
        """
        directory = self.spool.session(job.key)
        entry = await self._catalog_entry(job)
        if (final := _final_event(job, entry)) is not None:
            alive = await self.event_store.append_publish_first(final, archive=False)
            if alive and await asyncio.to_thread(directory.exists):
                await asyncio.to_thread(self.spool.write_result, directory, final)
            return
        stored = await asyncio.to_thread(_readable_manifest, directory)
        failed = AudioFailed(
            code=error.code,
            reason=error.message,
            manifest_sha256=_finalized(job).manifest_sha256,
            retryable=error.retryable,
            intake=upload_summary(stored.manifest) if stored else None,
        )
        lead = lead_of(stored.manifest.purpose) if stored else job.lead
        result = make_envelope("assembler", job.key, failed, cause=job.id, trace=job.trace, lead=lead)
        await self._publish_and_finish(directory, stored, result, entry)

    async def _catalog_entry(self, job: Envelope) -> CatalogEntry:
        """Return the session's catalog entry; an empty one for a deleted session, which publishing will find out."""
        try:
            return await self.event_store.catalog.get_entry(job.key)
        except SessionIsDeleted:
            return CatalogEntry()

    async def _publish_and_finish(
        self, directory: SessionDirectory, stored: StoredManifest | None, result: Envelope, entry: CatalogEntry | None
    ) -> None:
        assert isinstance(result.event, AudioReady | AudioFailed)  # noqa: S101  # a session has no other result
        await self.assembler.sync(result.event)
        alive = await self.event_store.append_publish_first(result, known_entry=entry)
        failpoint("assembler.told")
        if not alive:
            log.info("the session was deleted meanwhile", session=directory.key.session)
            if stored is not None:
                await self.assembler.erase(directory, stored.manifest)
        elif await asyncio.to_thread(directory.exists):
            await asyncio.to_thread(self.spool.finish_session, directory, result)


@asynccontextmanager
async def _hold_session(directory: SessionDirectory) -> AsyncIterator[_SessionState]:
    """Hold a session's work lock for the length of the block, and yield what its directory holds.

    The lock keeps out other workers and the session's deletion. Raises Unavailable while another process or task holds
    it, and for a session that has no directory.
    """
    try:
        held = await asyncio.to_thread(_try_hold, directory)
    except FileNotFoundError:
        raise _session_not_in_spool() from None
    if held is None:
        raise Unavailable("The session is being worked on elsewhere.", code="busy")
    lock, state = held
    try:
        yield state
    finally:
        lock.release()


def _final_event(job: Envelope, entry: CatalogEntry) -> Envelope | None:
    """Return the catalog's result for the job's manifest as an event, or None if there is none or it is not final."""
    record = entry.record
    if record is None or record.ended is None or record.ended.manifest_sha256 != _finalized(job).manifest_sha256:
        return None
    event = _result_event(job, record.ended, record.lead)
    return event if is_final(event) else None


def _result_event(job: Envelope, ended: AudioReady | AudioFailed, lead: str | None) -> Envelope:
    """Wrap a session's result; its id follows from the manifest, so it is the same however often it is made."""
    return make_envelope("assembler", job.key, ended, cause=ended.manifest_sha256, trace=job.trace, lead=lead)


def _failed_in_other_job(job: Envelope, result: Envelope) -> bool:
    """Whether the result is a failure of another job whose chunks are still there to be assembled."""
    own_failure_id = event_id(job.key, AudioFailed, job.id)
    return isinstance(result.event, AudioFailed) and result.id != own_failure_id and not is_final(result)


def _try_hold(directory: SessionDirectory) -> tuple[ReleasableLock, _SessionState] | None:
    """Take a session's work lock and read its directory; None while another process or task holds it. Blocks."""
    lock = try_lock(directory.work_lock)
    if lock is None:
        return None
    try:
        return lock, _SessionState(directory.deleted.exists(), directory.read_result(), directory.read_manifest())
    except BaseException:
        lock.release()
        raise


def _readable_manifest(directory: SessionDirectory) -> StoredManifest | None:
    """Return the manifest, or None if there is none or it is corrupt: its session must be able to fail."""
    try:
        return directory.read_manifest()
    except ValueError:
        return None


def _session_not_in_spool() -> Unavailable:
    return Unavailable("The session is not in this spool: is it the volume that ingest writes to?", code="not_here")


def _finalized(job: Envelope) -> SessionFinalized:
    if not isinstance(job.event, SessionFinalized):
        raise Permanent("Not a finalized session.", code="internal")
    return job.event
