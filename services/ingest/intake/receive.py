"""The use case behind every upload: bytes in, durable chunk, progress told, receipt out."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from functools import partial
from time import perf_counter
from typing import Protocol, TypeVar

from services.ingest.intake.chunk_store import ChunkStore, Place, PlacedChunk
from services.ingest.intake.directory_sync import DirectorySync
from services.ingest.intake.writer import ChunkWriter
from shared.bus import Bus
from shared.codec import envelope
from shared.events import ChunkReceived, SessionOpened
from shared.metrics import Metrics
from shared.spool import Spool
from shared.subjects import SessionKey
from shared.trace import current_trace

ResultT = TypeVar("ResultT")


class IncomingChunk(Protocol):
    """A chunk on its way in, whatever family brings it."""

    @property
    def known_key(self) -> SessionKey | None:
        """The chunk's session, where the request's head tells it."""

    @property
    def declared_size(self) -> int:
        """What the request's head says of the chunk's size in bytes, 0 if it says nothing."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the bytes; raises for what must not be stored."""
        ...

    async def place(self) -> Place:
        """Say where the chunk goes, after its last piece; raises for what must not be stored."""
        ...


async def _to_the_end(work: asyncio.Future[ResultT]) -> ResultT:
    """Wait for work in a thread even when cancelled: it can't be stopped, and owns the file until it ends."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


class ChunkReceiver:
    """Stores chunks so that a success means: these bytes survive `kill -9` and power loss."""

    def __init__(self, spool: Spool, chunks: ChunkStore, executor: Executor, bus: Bus, metrics: Metrics) -> None:
        self._spool = spool
        self._chunks = chunks
        self._executor = executor
        self._directories = DirectorySync(executor)
        self._bus = bus
        self._metrics = metrics

    async def receive(self, chunk: IncomingChunk) -> PlacedChunk:
        """Take one chunk from its request to the disk, in this order: bytes synced, named, name synced.

        A sender that hangs up, a limit passed or a full disk leaves nothing behind. Raises what the chunk and
        `ChunkStore` raise, and OSError.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._chunks.admit, chunk.known_key, chunk.declared_size)
        writer = ChunkWriter(self._spool.temporaries, self._executor)
        try:
            async for piece in chunk.pieces():
                await writer.add(piece)
            place = await chunk.place()
            store = partial(self._store, place, writer)
            placed = await _to_the_end(loop.run_in_executor(self._executor, store))
        except BaseException:
            await _to_the_end(loop.run_in_executor(self._executor, writer.discard))
            raise
        await self._directories.sync(placed.directory.path)
        self._metrics.chunk_bytes.inc(placed.size)
        await self._tell(place.key, placed)
        return placed

    def _store(self, place: Place, writer: ChunkWriter) -> PlacedChunk:
        started = perf_counter()
        placed = self._chunks.place(place, writer.seal())
        writer.discard()
        self._metrics.fsync_seconds.observe(perf_counter() - started)
        return placed

    async def _tell(self, key: SessionKey, chunk: PlacedChunk) -> None:
        """Progress only: nothing waits for it, and a bus that is away refuses no chunk."""
        trace = current_trace()
        if chunk.opened_session:
            await self._bus.tell(envelope("ingest", key, SessionOpened(), cause="", trace=trace))
        received = ChunkReceived(
            chunk_index=chunk.index, size=chunk.size, sha256=chunk.sha256, total_chunks=chunk.total_chunks
        )
        cause = f"{chunk.index}:{chunk.sha256}"
        await self._bus.tell(envelope("ingest", key, received, cause=cause, trace=trace, lead=chunk.lead))
