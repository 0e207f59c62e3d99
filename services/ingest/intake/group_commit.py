"""Group commit: chunks that arrive together become durable together, in one turn of one thread.

A turn keeps the order that a success stands for: all bytes written and synced, then the names given, then each
directory synced once, then the answers. A file system that journals makes most of a turn's syncs one write; and the
interpreter is handed from thread to thread once a turn instead of several times a chunk, which cost more than the disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from time import perf_counter

from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget, StoredChunk
from services.ingest.intake.staged_chunk import StagedChunk
from shared.process.failpoints import failpoint
from shared.process.tasks import wait_uncancelled
from shared.storage.durable_files import sync_directory

_MOST_CHUNKS = 64
_MOST_BYTES = 1024 * 1024  # a turn of more would keep the first of its chunks waiting for the others' writing


@dataclass(slots=True, eq=False)
class _PendingCommit:
    """A chunk whose bytes have all come; `outcome` is what became of it, `seconds` how long its turn took."""

    place: ChunkTarget
    writer: StagedChunk
    answer: asyncio.Future[StoredChunk]
    outcome: StoredChunk | Exception | None = None
    seconds: float = 0.0


class GroupCommit:
    """Makes chunks durable, at most `hands` turns beside each other; used from one loop.

    `timed` hears how many seconds each durable chunk took.
    """

    def __init__(
        self,
        chunks: ChunkStore,
        executor: Executor,
        *,
        workers: int,
        on_durable: Callable[[float], None],
        sync: Callable[[Path], None] = sync_directory,
    ) -> None:
        self._chunks = chunks
        self._executor = executor
        self._free_workers = workers
        self._on_durable = on_durable
        self._sync = sync
        self._waiting: deque[_PendingCommit] = deque()
        self._guard = Lock()  # over the two above
        self._called = False

    async def commit(self, place: ChunkTarget, writer: StagedChunk) -> StoredChunk:
        """Return once the chunk is durable under its name, and its temporary name is gone.

        Cancelled, it still waits: a turn can't be stopped, and owns the file until it ends. Raises what
        `ChunkStore.place` raises, and OSError; where only the directory's sync failed, the name stays: a repeat may
        have been told of it meanwhile, or a manifest name it.
        """
        loop = asyncio.get_running_loop()
        awaited = _PendingCommit(place, writer, loop.create_future())
        with self._guard:
            self._waiting.append(awaited)
        if not self._called:
            self._called = True
            loop.call_soon(self._start_workers, loop)  # after everything that came in the same wake-up of the loop
        return await wait_uncancelled(awaited.answer)

    def _start_workers(self, loop: asyncio.AbstractEventLoop) -> None:
        self._called = False
        with self._guard:
            called = min(self._free_workers, _batch_count(self._waiting))
            self._free_workers -= called
        for _ in range(called):
            self._executor.submit(self._run_worker, loop)

    def _run_worker(self, loop: asyncio.AbstractEventLoop) -> None:
        while turn := self._next_batch():
            begun = perf_counter()
            try:
                _store(turn, self._chunks, self._sync)
            except Exception as exc:  # noqa: BLE001  # what was not settled yet is answered with it
                _for_each_ok(turn, partial(_fail, failure=exc))
            seconds = perf_counter() - begun
            for awaited in turn:
                awaited.seconds = seconds
            loop.call_soon_threadsafe(self._resolve, turn)

    def _next_batch(self) -> list[_PendingCommit]:
        """Take what makes up one turn; without any, the hand is free again."""
        with self._guard:
            turn: list[_PendingCommit] = []
            size = 0
            while self._waiting and _fits(turn, size, self._waiting[0]):
                awaited = self._waiting.popleft()
                turn.append(awaited)
                size += awaited.writer.pending
            if not turn:
                self._free_workers += 1
            return turn

    def _resolve(self, turn: Sequence[_PendingCommit]) -> None:
        for awaited in turn:
            match awaited.outcome:
                case StoredChunk() as placed:
                    self._on_durable(awaited.seconds)
                    awaited.answer.set_result(placed)
                case Exception() as failure:
                    awaited.answer.set_exception(failure)
                case None:
                    awaited.answer.set_exception(RuntimeError("a turn forgot one of its chunks"))


def _fits(turn: Sequence[_PendingCommit], size: int, following: _PendingCommit) -> bool:
    return not turn or (len(turn) < _MOST_CHUNKS and size + following.writer.pending <= _MOST_BYTES)


def _batch_count(waiting: Iterable[_PendingCommit]) -> int:
    """Return how many hands have something to do."""
    turns, turn, size = 0, 0, 0
    for awaited in waiting:
        if turn == 0 or turn >= _MOST_CHUNKS or size + awaited.writer.pending > _MOST_BYTES:
            turns, turn, size = turns + 1, 0, 0
        turn, size = turn + 1, size + awaited.writer.pending
    return turns


def _store(turn: Sequence[_PendingCommit], chunks: ChunkStore, sync: Callable[[Path], None]) -> None:
    """Take a turn's chunks through the recipe together; what fails for one of them costs only that one."""
    _for_each_ok(turn, lambda awaited: awaited.writer.flush())
    _for_each_ok(turn, lambda awaited: awaited.writer.sync())
    placed: dict[Path, list[_PendingCommit]] = {}

    def place(awaited: _PendingCommit) -> None:
        outcome = chunks.store(awaited.place, awaited.writer.staged_file())
        placed.setdefault(outcome.directory.path, []).append(awaited)
        awaited.outcome = outcome

    _for_each_ok(turn, place)
    if placed:
        failpoint("ingest.named")
    for directory, awaiting in placed.items():
        try:
            sync(directory)
        except OSError as exc:
            for awaited in awaiting:
                awaited.outcome = exc
    if placed:
        failpoint("ingest.kept")
    for awaited in turn:
        awaited.writer.discard()


def _fail(awaited: _PendingCommit, failure: Exception) -> None:
    awaited.outcome = awaited.outcome or failure


def _for_each_ok(awaiting: Iterable[_PendingCommit], step: Callable[[_PendingCommit], None]) -> None:
    for awaited in awaiting:
        if not isinstance(awaited.outcome, Exception):
            try:
                step(awaited)
            except Exception as exc:  # noqa: BLE001  # its own request raises it
                awaited.outcome = exc
