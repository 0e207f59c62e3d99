"""What the assembler does with `session.finalized`."""

import asyncio
from dataclasses import dataclass

import structlog

from services.assembler.assemble import Assembler
from shared.bus import Bus
from shared.codec import Envelope, envelope
from shared.errors import Permanent, RoomtoneError, Unavailable
from shared.events import AudioFailed, SessionFinalized
from shared.spool import Spool

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FinalizedSessions:
    """Assembles, publishes `audio.ready`, and only then erases the spool; the queue acknowledges after that.

    Every step may run twice: a session that has ended says so again under the same id. What fails for good is
    published as `audio.failed`, and its chunks stay in the spool.
    """

    spool: Spool
    bus: Bus
    assembler: Assembler

    async def handle(self, job: Envelope) -> None:
        """Take one session to its end; raises Permanent or Unavailable."""
        finalized = _finalized(job)
        directory = self.spool.session(job.key)
        outcome = await asyncio.to_thread(directory.read_outcome)
        if outcome is None:
            stored = await asyncio.to_thread(directory.read_manifest)
            if stored is None:
                raise Unavailable("The session is not in this spool: is it the volume that ingest writes to?")
            if stored.sha256 != finalized.manifest_sha256:
                raise Permanent("The manifest is not the one that was finalized.", code="other_manifest")
            audio = await self.assembler.assemble(directory, stored)
            outcome = envelope("assembler", job.key, audio, cause=stored.sha256, trace=job.trace)
        await self._end(outcome)

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Publish `audio.failed` with a reason fit for a caller."""
        manifest_sha256 = _finalized(job).manifest_sha256
        failed = AudioFailed(
            code=error.code, reason=error.message, manifest_sha256=manifest_sha256, retryable=error.retryable
        )
        await self._end(envelope("assembler", job.key, failed, cause=job.id, trace=job.trace))

    async def _end(self, outcome: Envelope) -> None:
        await self.bus.publish(outcome)
        directory = self.spool.session(outcome.key)
        if await asyncio.to_thread(directory.exists):
            await asyncio.to_thread(self.spool.close_session, directory, outcome)


def _finalized(job: Envelope) -> SessionFinalized:
    if not isinstance(job.event, SessionFinalized):
        raise Permanent("Not a finalized session.", code="internal")
    return job.event
