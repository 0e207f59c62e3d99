"""Group commit: chunks that are ready at the same time are made durable in one batch by one thread.

A batch works in this order: every chunk's bytes written, all fsynced beside each other, then the names given, each
under its session's lock, then each directory fsynced once, beside each other too, then the handlers resumed. A
journaling file system merges a batch's syncs into one write (docs/adr/0014, docs/adr/0027).
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from time import perf_counter

from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget, StoredChunk
from services.ingest.intake.staged_chunk import StagedChunk
from services.ingest.intake.sync_threads import SyncThreads
from shared.process.failpoints import failpoint
from shared.process.tasks import wait_uncancelled
from shared.storage.durable_files import sync_directory

_MAX_BATCH_CHUNKS = 64
_MAX_BATCH_BYTES = 1024 * 1024  # a larger batch would keep its first chunk waiting for the others to be written


@dataclass(slots=True, eq=False)
class _PendingCommit:
    """A chunk whose bytes have all come; `outcome` is the result of its batch, `seconds` how long that batch took."""

    target: ChunkTarget
    staged: StagedChunk
    result: asyncio.Future[StoredChunk]
    outcome: StoredChunk | Exception | None = None
    seconds: float = 0.0


class GroupCommit:
    """Makes chunks durable in batches, at most `workers` of them at once; used from one event loop.

    `on_durable` is called with the seconds that each durable chunk took.
    """

    def __init__(
        self,
        chunks: ChunkStore,
        executor: Executor,
        syncs: SyncThreads,
        *,
        workers: int,
        on_durable: Callable[[float], None],
        sync: Callable[[Path], None] = sync_directory,
    ) -> None:
        self._chunks = chunks
        self._executor = executor
        self._syncs = syncs
        self._free_workers = workers
        self._on_durable = on_durable
        self._sync = sync
        self._waiting: deque[_PendingCommit] = deque()
        self._guard = Lock()  # over the two above
        self._start_scheduled = False

    async def commit(self, target: ChunkTarget, staged: StagedChunk) -> StoredChunk:
        """Return once the chunk is durable under its name, and its temporary name is gone.

        Cancelled, it still waits: a batch can't be stopped, and owns the file until it ends. Raises what
        `ChunkStore.store` raises, and OSError; where only the directory's sync failed, the name stays: a repeated
        request or a manifest may refer to it already.
        """
        loop = asyncio.get_running_loop()
        pending = _PendingCommit(target, staged, loop.create_future())
        staged.hand_over()  # a request that is cancelled twice must not close what a thread is working on
        with self._guard:
            self._waiting.append(pending)
        if not self._start_scheduled:
            self._start_scheduled = True
            loop.call_soon(self._start_workers, loop)  # after everything that arrived in the same iteration of the loop
        return await wait_uncancelled(pending.result)

    def _start_workers(self, loop: asyncio.AbstractEventLoop) -> None:
        self._start_scheduled = False
        with self._guard:
            started = min(self._free_workers, _batch_count(self._waiting))
            self._free_workers -= started
        for _ in range(started):
            self._executor.submit(self._run_worker, loop)

    def _run_worker(self, loop: asyncio.AbstractEventLoop) -> None:
        while batch := self._next_batch():
            begun = perf_counter()
            try:
                _store(batch, self._chunks, self._syncs, self._sync)
            except Exception as exc:  # noqa: BLE001  # fails the chunks without an outcome
                _for_each_ok(batch, partial(_fail, failure=exc))
            for pending in batch:
                with suppress(OSError):  # a temporary name that stays is removed by the sweeper
                    pending.staged.discard()
            seconds = perf_counter() - begun
            for pending in batch:
                pending.seconds = seconds
            loop.call_soon_threadsafe(self._resolve, batch)

    def _next_batch(self) -> list[_PendingCommit]:
        """Take the chunks of one batch; when none is waiting, the worker is free again."""
        with self._guard:
            batch: list[_PendingCommit] = []
            size = 0
            while self._waiting and _fits(batch, size, self._waiting[0]):
                pending = self._waiting.popleft()
                batch.append(pending)
                size += pending.staged.pending
            if not batch:
                self._free_workers += 1
            return batch

    def _resolve(self, batch: Sequence[_PendingCommit]) -> None:
        for pending in batch:
            match pending.outcome:
                case StoredChunk() as stored:
                    self._on_durable(pending.seconds)
                    pending.result.set_result(stored)
                case Exception() as failure:
                    pending.result.set_exception(failure)
                case None:
                    pending.result.set_exception(RuntimeError("the batch ended without an outcome for this chunk"))


def _fits(batch: Sequence[_PendingCommit], size: int, following: _PendingCommit) -> bool:
    return not batch or (len(batch) < _MAX_BATCH_CHUNKS and size + following.staged.pending <= _MAX_BATCH_BYTES)


def _batch_count(waiting: Iterable[_PendingCommit]) -> int:
    """Return how many batches the waiting chunks make up."""
    batches, count, size = 0, 0, 0
    for pending in waiting:
        if count == 0 or count >= _MAX_BATCH_CHUNKS or size + pending.staged.pending > _MAX_BATCH_BYTES:
            batches, count, size = batches + 1, 0, 0
        count, size = count + 1, size + pending.staged.pending
    return batches


def _store(
    batch: Sequence[_PendingCommit], chunks: ChunkStore, syncs: SyncThreads, sync: Callable[[Path], None]
) -> None:
    """Make the chunks of a batch durable, step by step; a failure of one of them fails no other."""
    _for_each_ok(batch, lambda pending: pending.staged.flush())
    written = [pending for pending in batch if not isinstance(pending.outcome, Exception)]
    for pending, failure in zip(written, syncs.run([pending.staged.sync for pending in written]), strict=True):
        pending.outcome = failure
    named: defaultdict[Path, list[tuple[_PendingCommit, StoredChunk]]] = defaultdict(list)

    def give_name(pending: _PendingCommit) -> None:
        stored = chunks.store(pending.target, pending.staged.staged_file())
        named[stored.directory.path].append((pending, stored))

    _for_each_ok(batch, give_name)
    if named:
        failpoint("ingest.named")
    failures = syncs.run([partial(sync, directory) for directory in named])
    for chunks_there, failure in zip(named.values(), failures, strict=True):
        for pending, stored in chunks_there:
            # an outcome only now: a chunk whose batch fails before this must not count as stored
            pending.outcome = failure or stored
    if named:
        failpoint("ingest.kept")


def _fail(pending: _PendingCommit, failure: Exception) -> None:
    pending.outcome = pending.outcome or failure


def _for_each_ok(commits: Iterable[_PendingCommit], step: Callable[[_PendingCommit], None]) -> None:
    for pending in commits:
        if not isinstance(pending.outcome, Exception):
            try:
                step(pending)
            except Exception as exc:  # noqa: BLE001  # its own request raises it
                pending.outcome = exc
