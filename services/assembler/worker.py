"""What the assembler does with `session.finalized`."""

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
    """What a session's directory says of it: whether it was deleted, how it ended, and its manifest."""

    deleted: bool
    outcome: Envelope | None
    stored: StoredManifest | None


@dataclass(frozen=True, slots=True)
class AssemblyWorker:
    """Assembles, tells how it ended, and only then erases the spool; the queue acknowledges after that.

    Every step may run twice: a session that has ended says so again under the same id. One whose chunks outlived the
    failure of another job is worked on anew: somebody asked for a further attempt. What fails for good is told as
    `audio.failed`; its chunks stay in the spool unless the bucket holds the original. A session is worked on once at a
    time, and one that was deleted is left alone.
    """

    spool: Spool
    chronicle: EventStore
    assembler: Assembler

    async def handle(self, job: Envelope) -> None:
        """Take one session to its end; raises Permanent or Unavailable."""
        finalized = _finalized(job)
        directory = self.spool.session(job.key)
        async with _hold_session(directory) as found:
            if found.deleted:
                return
            if found.stored is None:
                raise _session_not_in_spool()
            stored, outcome = found.stored, found.outcome
            if outcome is not None and _failed_in_other_job(job, outcome):
                await asyncio.to_thread(directory.result.unlink, missing_ok=True)
                outcome = None
            seen = None
            if outcome is None:
                seen = await self._seen(job)
                outcome = _final_event(job, seen)
            if outcome is None:
                if stored.sha256 != finalized.manifest_sha256:
                    raise Permanent("The manifest is not the one that was finalized.", code="other_manifest")
                ended = await self.assembler.assemble(directory, stored)
                failpoint("assembler.uploaded")
                lead = lead_of(stored.manifest.purpose)
                outcome = _outcome(job, ended, lead)
            await self._end(directory, stored, outcome, seen)
        failpoint("assembler.closed")

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Tell `audio.failed` with a reason fit for a caller; what was told for good already stands.

        Of such a recording only the kept event may be missing: its chunks stay for a further try.
        """
        directory = self.spool.session(job.key)
        seen = await self._seen(job)
        if (told := _final_event(job, seen)) is not None:
            alive = await self.chronicle.append_publish_first(told, archive=False)  # again, in case that is what failed
            if alive and await asyncio.to_thread(directory.exists):
                await asyncio.to_thread(self.spool.write_result, directory, told)
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
        outcome = make_envelope("assembler", job.key, failed, cause=job.id, trace=job.trace, lead=lead)
        await self._end(directory, stored, outcome, seen)

    async def _seen(self, job: Envelope) -> CatalogEntry:
        """Look into the catalog; nothing is seen of a deleted session, which telling its end will find out."""
        try:
            return await self.chronicle.catalog.get_entry(job.key)
        except SessionIsDeleted:
            return CatalogEntry()

    async def _end(
        self, directory: SessionDirectory, stored: StoredManifest | None, outcome: Envelope, seen: CatalogEntry | None
    ) -> None:
        assert isinstance(outcome.event, AudioReady | AudioFailed)  # noqa: S101  # no session ends otherwise
        await self.assembler.sync(outcome.event)
        alive = await self.chronicle.append_publish_first(outcome, known_entry=seen)
        failpoint("assembler.told")
        if not alive:
            log.info("the session was deleted meanwhile", session=directory.key.session)
            if stored is not None:
                await self.assembler.erase(directory, stored.manifest)
        elif await asyncio.to_thread(directory.exists):
            await asyncio.to_thread(self.spool.finish_session, directory, outcome)


@asynccontextmanager
async def _hold_session(directory: SessionDirectory) -> AsyncIterator[_SessionState]:
    """Hold a session against other workers and against its deletion, and say what its directory has of it.

    Raises Unavailable while somebody else holds it.
    """
    try:
        held = await asyncio.to_thread(_try_hold, directory)
    except FileNotFoundError:
        raise _session_not_in_spool() from None
    if held is None:
        raise Unavailable("The session is being worked on elsewhere.", code="busy")
    lock, found = held
    try:
        yield found
    finally:
        lock.release()


def _final_event(job: Envelope, seen: CatalogEntry) -> Envelope | None:
    """Return the event by which the catalog knows that the bucket holds what this job is about."""
    record = seen.record
    if record is None or record.ended is None or record.ended.manifest_sha256 != _finalized(job).manifest_sha256:
        return None
    told = _outcome(job, record.ended, record.lead)
    return told if is_final(told) else None


def _outcome(job: Envelope, ended: AudioReady | AudioFailed, lead: str | None) -> Envelope:
    """Wrap what became of a session under an id that follows from its manifest: the same, however often it is made."""
    return make_envelope("assembler", job.key, ended, cause=ended.manifest_sha256, trace=job.trace, lead=lead)


def _failed_in_other_job(job: Envelope, outcome: Envelope) -> bool:
    """Whether a session failed in another job than this one, and can still be made something of."""
    told_by_this = event_id(job.key, AudioFailed, job.id)
    return isinstance(outcome.event, AudioFailed) and outcome.id != told_by_this and not is_final(outcome)


def _try_hold(directory: SessionDirectory) -> tuple[ReleasableLock, _SessionState] | None:
    """Lock a session and read what is there of it, or return None while somebody else holds it; blocks."""
    lock = try_lock(directory.work_lock)
    if lock is None:
        return None
    try:
        return lock, _SessionState(directory.deleted.exists(), directory.read_result(), directory.read_manifest())
    except BaseException:
        lock.release()
        raise


def _readable_manifest(directory: SessionDirectory) -> StoredManifest | None:
    """Return the manifest, or None for one that is spoilt: its session must be able to fail."""
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
