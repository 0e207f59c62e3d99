"""The use case behind every upload: bytes in, durable chunk, progress told, receipt out."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from typing import Protocol

from services.ingest.intake.admission import UploadReservation
from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget, StoredChunk
from services.ingest.intake.group_commit import GroupCommit
from services.ingest.intake.staged_chunk import StagedChunk
from shared.domain.envelope import make_envelope
from shared.domain.events import ChunkReceived, SessionOpened
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus
from shared.observability.metrics import Metrics
from shared.observability.trace import current_trace
from shared.process.tasks import run_blocking, wait_uncancelled
from shared.storage.spool import Spool


class IncomingChunk(Protocol):
    """A chunk on its way in, whatever family brings it."""

    @property
    def session_key(self) -> SessionKey | None:
        """The chunk's session, where the request's head tells it."""

    @property
    def declared_size(self) -> int:
        """What the request's head says of the chunk's size in bytes, 0 if it says nothing."""

    @property
    def immediate(self) -> bool:
        """Whether all of it is here or on its way: a look at the disk before is worth a hop only in doubt."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the bytes; raises for what must not be stored."""
        ...

    async def place(self) -> ChunkTarget:
        """Say where the chunk goes, after its last piece; raises for what must not be stored."""
        ...


class ChunkIntake:
    """Stores chunks so that a success means: these bytes survive `kill -9` and power loss."""

    def __init__(
        self, spool: Spool, chunks: ChunkStore, executor: Executor, bus: Bus, metrics: Metrics, *, workers: int
    ) -> None:
        self._spool = spool
        self._chunks = chunks
        self._executor = executor
        self._commits = GroupCommit(chunks, executor, workers=workers, on_durable=metrics.fsync_seconds.observe)
        self._bus = bus
        self._metrics = metrics

    async def receive(self, chunk: IncomingChunk, arrival: UploadReservation) -> StoredChunk:
        """Take one chunk from its request to the disk, in this order: bytes synced, named, name synced.

        A sender that hangs up, a limit passed or a full disk leaves nothing behind. Raises what the chunk and
        `ChunkStore` raise, and OSError. `arrival` is the upload's place among those in progress.
        """
        if not (
            chunk.immediate and self._chunks.passes_precheck_in_memory(chunk.session_key, chunk.declared_size, arrival)
        ):
            await run_blocking(self._executor, self._chunks.precheck, chunk.session_key, chunk.declared_size, arrival)
        writer = StagedChunk(self._spool.temporaries, self._executor, arrival)
        placed = await self._store(chunk, writer)
        self._metrics.chunk_bytes.inc(placed.size)
        await self.publish(placed.directory.key, placed)
        return placed

    async def _store(self, chunk: IncomingChunk, writer: StagedChunk) -> StoredChunk:
        try:
            async for piece in chunk.pieces():
                await writer.write(piece)
                del piece  # written: not to be held while the next one gathers
            place = await chunk.place()
        except BaseException:
            await wait_uncancelled(asyncio.ensure_future(run_blocking(self._executor, writer.discard)))
            raise
        return await self._commits.commit(place, writer)

    async def publish(self, key: SessionKey, chunk: StoredChunk) -> None:
        """Progress only: nothing waits for it, and a bus that is away refuses no chunk."""
        trace = current_trace()
        if chunk.opened_session:
            await self._bus.publish_nowait(make_envelope("ingest", key, SessionOpened(), cause="", trace=trace))
        received = ChunkReceived(
            chunk_index=chunk.index, size=chunk.size, sha256=chunk.sha256, total_chunks=chunk.total_chunks
        )
        cause = f"{chunk.index}:{chunk.sha256}"
        await self._bus.publish_nowait(
            make_envelope("ingest", key, received, cause=cause, trace=trace, lead=chunk.lead)
        )
