"""The steps that make a chunk durable: reserve, precheck, stage, commit, publish.

A handler takes them in this order, and none is called from inside another. The types keep the order: `stage` needs
what `reserve` gives, `commit` what `stage` gives, `publish` what `commit` gives. Without `precheck` a chunk is only
rejected later: `commit` checks all of it again.
"""

from concurrent.futures import Executor
from contextlib import AbstractContextManager

from services.ingest.intake.admission import Admission, UploadReservation
from services.ingest.intake.chunk_progress import ChunkProgress
from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget, StoredChunk
from services.ingest.intake.group_commit import GroupCommit
from services.ingest.intake.staged_chunk import StagedChunk
from shared.domain.envelope import make_envelope
from shared.domain.events import SessionOpened
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus
from shared.observability.metrics import Metrics
from shared.observability.trace import current_trace
from shared.process.tasks import run_blocking


class ChunkIntake:
    """Stores chunks so that a success means: these bytes survive `kill -9` and power loss."""

    def __init__(
        self,
        admission: Admission,
        chunks: ChunkStore,
        commits: GroupCommit,
        progress: ChunkProgress,
        *,
        executor: Executor,
        bus: Bus,
        metrics: Metrics,
    ) -> None:
        self._admission = admission
        self._chunks = chunks
        self._commits = commits
        self._progress = progress
        self._executor = executor
        self._bus = bus
        self._metrics = metrics

    def reserve(self, tenant: str, announced: int) -> AbstractContextManager[UploadReservation]:
        """Reserve room for one upload for as long as the block lasts, before anything of its body is read.

        `announced` is the size in bytes that the request's head declares, 0 for none. Raises Unavailable.
        """
        return self._admission.reserve(tenant, announced)

    async def precheck(
        self, reservation: UploadReservation, key: SessionKey | None, declared_size: int, *, immediate: bool
    ) -> None:
        """Reject what can be rejected before the body is read.

        `key` is None where the session's id is in the body, `declared_size` 0 where the chunk's size is not in the
        head. `immediate`: the body is small and already being sent, so the disk is asked only unless the cache shows
        that the session is open and not full. Raises what `ChunkStore.precheck` raises.
        """
        if immediate and self._chunks.passes_precheck_in_memory(key, declared_size, reservation):
            return
        await run_blocking(self._executor, self._chunks.precheck, key, declared_size, reservation)

    def stage(self, reservation: UploadReservation) -> StagedChunk:
        """Return a temporary file for one chunk; as an async context manager it is removed when the block raises."""
        return StagedChunk(self._chunks.temporaries, self._executor, reservation)

    async def commit(self, target: ChunkTarget, staged: StagedChunk) -> StoredChunk:
        """Make a chunk durable at its target, in this order: bytes synced, name given, directory synced.

        Raises what `GroupCommit.commit` raises; then nothing of the chunk is left.
        """
        stored = await self._commits.commit(target, staged)
        self._metrics.chunk_bytes.inc(stored.size)
        return stored

    async def publish(self, stored: StoredChunk) -> None:
        """Publish that a session was opened, and its progress; an unreachable bus fails no chunk."""
        if stored.opened_session:
            key = stored.directory.key
            opened = make_envelope("ingest", key, SessionOpened(), cause="", trace=current_trace())
            await self._bus.publish_nowait(opened)
        await self._progress.received(stored)
