"""Tells how far each session is, at most every 200 ms: progress for people to look at, which nothing waits for."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from services.ingest.intake.chunk_store import StoredChunk
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import ChunkReceived
from shared.domain.identifiers import SessionKey
from shared.observability.trace import Trace, current_trace
from shared.process.tasks import cancel_and_wait

INTERVAL_SECONDS = 0.2


class ChunkProgress:
    """Publishes `chunk.received` for the first chunk at once, and for the newest of those that follow it in 200 ms.

    In memory is one chunk's description for each session that received in the last 200 ms. Used from one event loop,
    as an async context manager.
    """

    def __init__(self, publish: Callable[[Envelope], Awaitable[None]], *, interval: float = INTERVAL_SECONDS) -> None:
        self._send = publish
        self._interval = interval
        self._waiting: dict[SessionKey, tuple[StoredChunk, Trace] | None] = {}
        self._publishing: set[asyncio.Task[None]] = set()

    async def received(self, stored: StoredChunk) -> None:
        """Tell of a chunk, now or together with what comes until the session may be told of again."""
        key, trace = stored.directory.key, current_trace()
        if key in self._waiting:
            before = self._waiting[key]
            if before is None or before[0].total_chunks <= stored.total_chunks:
                self._waiting[key] = stored, trace
            return
        self._waiting[key] = None
        await self._publish_and_pause(stored, trace)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop publishing; what waits is not told of any more."""
        self._waiting.clear()
        await cancel_and_wait(list(self._publishing))

    async def _publish_and_pause(self, stored: StoredChunk, trace: Trace) -> None:
        try:
            await self._publish(stored, trace)
        finally:
            asyncio.get_running_loop().call_later(self._interval, self._go_on, stored.directory.key)

    def _go_on(self, key: SessionKey) -> None:
        newest = self._waiting.pop(key, None)
        if newest is not None:
            self._waiting[key] = None
            task = asyncio.create_task(self._publish_and_pause(*newest), name="chunk progress")
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    async def _publish(self, stored: StoredChunk, trace: Trace) -> None:
        received = ChunkReceived(
            chunk_index=stored.index,
            size=stored.size,
            sha256=stored.sha256,
            total_chunks=stored.total_chunks,
            total_size=stored.total_size,
        )
        cause = f"{stored.index}:{stored.sha256}"
        envelope = make_envelope("ingest", stored.directory.key, received, cause=cause, trace=trace, lead=stored.lead)
        await self._send(envelope)
