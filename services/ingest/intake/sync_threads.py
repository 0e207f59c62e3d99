"""Syncs files and directories of a batch beside each other, on a bounded number of threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class SyncThreads:
    """Runs blocking syncs beside each other; used from any thread, as a context manager.

    A journaling file system commits once for all syncs that wait at the same time, and a volume over a network answers
    them at once; one after the other each pays the whole way. Threads are made as they are needed, `threads` at most
    for all callers together.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="sync")

    def __enter__(self) -> Self:
        """Return itself; threads start with the first syncs."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the syncs that run."""
        self._threads.shutdown()

    def run(self, syncs: Sequence[Callable[[], None]]) -> list[Exception | None]:
        """Run all syncs and return what each raised, in order, once all are done; blocks.

        The last one runs in the calling thread, so that a single sync costs no other.
        """
        if not syncs:
            return []
        beside: list[Future[Exception | None]] = [self._threads.submit(_failure_of, sync) for sync in syncs[:-1]]
        last = _failure_of(syncs[-1])
        return [*(future.result() for future in beside), last]


def _failure_of(sync: Callable[[], None]) -> Exception | None:
    try:
        sync()
    except Exception as exc:  # noqa: BLE001  # its own request raises it
        return exc
    return None
