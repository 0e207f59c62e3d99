"""The use case behind `/finalize`: one manifest, published, and the wait for what becomes of it."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from services.ingest.outbox import Outbox
from services.ingest.results import Results
from services.ingest.session_index import OpenSession, SessionIndex
from shared.clock import now, rfc3339
from shared.codec import Envelope
from shared.durable import locked, write_durably
from shared.errors import Conflict, NothingThere, Unavailable
from shared.events import AudioFailed
from shared.manifest import Manifest, StoredManifest, dump_manifest
from shared.spool import SessionDirectory, Spool
from shared.subjects import SessionKey
from shared.trace import Trace, current_trace

log = structlog.stdlib.get_logger(__name__)

_GAPS_NAMED = 20
_ASYNC_SECONDS = 0.5  # a caller who does not wait is not kept by a bus that does not answer


class Sealer:
    """Turns the chunks of a session into its one manifest; every method blocks."""

    def __init__(self, spool: Spool, sessions: SessionIndex) -> None:
        self._spool = spool
        self._sessions = sessions

    def seal(self, key: SessionKey, trace: Trace) -> StoredManifest:
        """Write the manifest, or return the one that is there.

        Chunks are hashed before the lock is taken, so that a large session does not hold up a retry of its last
        chunk. Raises NothingThere without chunks and Conflict naming the missing indices.
        """
        directory = self._spool.session(key)
        if not directory.exists():
            raise _nothing_there()
        stored = directory.read_manifest()
        if stored is None:
            with locked(directory.lock) as lock:
                session = self._sessions.load(directory, lock)
            session.chunks()
            with locked(directory.lock) as lock:
                session = self._sessions.load(directory, lock)
                stored = directory.read_manifest() or self._write(directory, session, trace)
            self._sessions.forget(key)
        return stored

    def _write(self, directory: SessionDirectory, session: OpenSession, trace: Trace) -> StoredManifest:
        if len(session) == 0:
            raise _nothing_there()
        if len(session) != len(directory.sizes()):
            raise Unavailable("The spool's disk does not keep its locks: finalize again.", code="busy")
        if gaps := session.missing():
            raise _gappy(gaps)
        manifest = Manifest(
            tenant=directory.key.tenant,
            session=directory.key.session,
            chunks=session.chunks(),
            request_id=trace.request_id,
            traceparent=trace.traceparent,
            finalized_at=rfc3339(now()),
        )
        write_durably(directory.manifest, dump_manifest(manifest), self._temporaries)
        stored = directory.read_manifest()
        if stored is None:
            raise Unavailable("The manifest vanished while it was written: finalize again.")
        return stored

    @property
    def _temporaries(self) -> Path:
        return self._spool.temporaries


def _nothing_there() -> NothingThere:
    return NothingThere("No chunks were received for this session: upload some before finalizing.")


def _gappy(gaps: list[tuple[int, int]]) -> Conflict:
    named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in gaps[:_GAPS_NAMED])
    more = f" and {len(gaps) - _GAPS_NAMED} more ranges" if len(gaps) > _GAPS_NAMED else ""
    return Conflict(f"Chunks are missing: {named}{more}. Upload them and finalize again.", code="missing_chunks")


@dataclass(frozen=True, slots=True)
class Finalizer:
    """Finalizes sessions; idempotent, since manifest, message id and result are each there once."""

    spool: Spool
    sealer: Sealer
    outbox: Outbox
    results: Results
    executor: Executor
    wait_seconds: float

    async def finalize(self, key: SessionKey, *, wait: bool) -> Envelope | None:
        """Return how the session ended (`audio.ready` or `audio.failed`), or None when that takes longer.

        Without `wait`, or with the bus away, None comes at once; the outbox goes on publishing. Raises NothingThere
        and Conflict.
        """
        loop = asyncio.get_running_loop()
        stored = await loop.run_in_executor(self.executor, partial(self.sealer.seal, key, current_trace()))
        directory = self.spool.session(key)
        ended = await self._ended(directory)
        if ended is not None and not _worth_another_try(ended):
            return ended
        with self.results.expect(key) as result:
            published = await self._publish(directory, stored, ended, patience=None if wait else _ASYNC_SECONDS)
            if not published or not wait:
                return None
            return await result.within(self.wait_seconds, or_else=partial(self._ended, directory))

    async def _publish(
        self, directory: SessionDirectory, stored: StoredManifest, failed: Envelope | None, *, patience: float | None
    ) -> bool:
        if failed is None and directory.published.exists():
            return True
        if failed is not None:
            directory.result.unlink(missing_ok=True)
            directory.published.unlink(missing_ok=True)
        try:
            async with asyncio.timeout(patience):
                await self.outbox.publish(directory, stored, attempt=f"{failed.id}{failed.time}" if failed else "")
        except (Unavailable, TimeoutError):
            log.warning("the bus is away; the manifest is published later", session=directory.key.session)
            self.outbox.wake()
            return False
        return True

    async def _ended(self, directory: SessionDirectory) -> Envelope | None:
        return await asyncio.get_running_loop().run_in_executor(self.executor, directory.read_outcome)


def _worth_another_try(ended: Envelope) -> bool:
    """Whether a session failed only because something was away for too long."""
    return isinstance(ended.event, AudioFailed) and ended.event.retryable
