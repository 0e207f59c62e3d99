"""Quota of bytes that each tenant may have waiting in the spool, checked without a directory walk for every chunk.

Usage is a cached count of what is on disk. Chunks stored by this process are added to it; what other processes store
and delete shows at the next count. A count is done before the first chunk after a start, before a request is
rejected, and in the background while the tenant is active (docs/adr/0011 says how far off it may be).
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Lock

import structlog

from shared.domain.errors import RateLimited, TooLarge
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)

_FRESH_SECONDS = 30.0
_PAUSE_FACTOR = 20  # a pause is this many times the last count: counting costs a twentieth of one processor at most
_REJECT_RECOUNT_SECONDS = 1.0  # between two counts made before rejecting
_RETRY_AFTER_SECONDS = 30


@dataclass(slots=True)
class _Usage:
    """One tenant's bytes: `known` is the last count plus what came since, None before the first count.

    `added` is all that this process has stored so far, `took` how many seconds the last count took.
    """

    known: int | None = None
    added: int = 0
    counted_at: float = 0.0
    took: float = 0.0
    counting: Lock = field(default_factory=Lock)


class TenantQuota:
    """Limits each tenant to `quota` bytes in the spool, without limit for 0; thread-safe."""

    def __init__(
        self, spool: Spool, executor: Executor, quota: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spool = spool
        self._executor = executor
        self._quota = quota
        self._clock = clock
        self._usages: dict[str, _Usage] = {}
        self._guard = Lock()

    def check(self, tenant: str, unstored: int, upload_bytes: int) -> None:
        """Raise RateLimited unless the stored bytes and `unstored` more are within the quota.

        Raises TooLarge if one upload alone, with `upload_bytes` of these bytes, exceeds the quota. Blocks for one count
        before rejecting.
        """
        if not self._quota:
            return
        if upload_bytes > self._quota:
            raise TooLarge(f"You may have at most {self._quota} bytes waiting here at once.", code="over_quota")
        usage = self._usage(tenant)
        if usage.known is None:
            self._count(tenant, usage, older_than=0.0)
        elif self._clock() - usage.counted_at > max(_FRESH_SECONDS, usage.took * _PAUSE_FACTOR):
            self._executor.submit(self._recount, tenant, usage)
        if self._is_over(usage, unstored):
            self._count(tenant, usage, older_than=max(_REJECT_RECOUNT_SECONDS, usage.took * _PAUSE_FACTOR))
        if self._is_over(usage, unstored):
            raise RateLimited(
                f"You may have at most {self._quota} bytes waiting here at once: finalize or delete sessions, or send "
                "this again once earlier ones are stored.",
                retry_after=_RETRY_AFTER_SECONDS,
                code="over_quota",
            )

    def needs_check(self, tenant: str, unstored: int) -> bool:
        """Whether `check` would reject, or would have to count first; does not block."""
        if not self._quota:
            return False
        usage = self._usage(tenant)
        return usage.known is None or self._is_over(usage, unstored)

    def add(self, tenant: str, size: int) -> None:
        """Add a chunk that was just stored."""
        if self._quota:
            usage = self._usage(tenant)
            with self._guard:
                usage.added += size
                if usage.known is not None:
                    usage.known += size

    def _usage(self, tenant: str) -> _Usage:
        with self._guard:
            return self._usages.setdefault(tenant, _Usage())

    def _is_over(self, usage: _Usage, unstored: int) -> bool:
        return (usage.known or 0) + unstored > self._quota

    def _recount(self, tenant: str, usage: _Usage) -> None:
        try:
            self._count(tenant, usage, older_than=_FRESH_SECONDS)
        except OSError:
            log.exception("a tenant's bytes can't be counted; trying again soon")

    def _count(self, tenant: str, usage: _Usage, *, older_than: float) -> None:
        """Count unless another thread just has; while another one counts, wait only if nothing is known yet."""
        if not usage.counting.acquire(blocking=usage.known is None):
            return
        try:
            started = self._clock()
            if usage.known is not None and started - usage.counted_at < older_than:
                return
            with self._guard:
                before = usage.added
            counted = self._bytes_of(tenant)
            with self._guard:
                usage.known = counted + usage.added - before  # may count some of them twice, never too few
            usage.counted_at = self._clock()
            usage.took = usage.counted_at - started
        finally:
            usage.counting.release()

    def _bytes_of(self, tenant: str) -> int:
        total = 0
        for directory in self._spool.sessions_of(tenant):
            try:
                total += sum(directory.chunk_sizes().values())
            except (FileNotFoundError, NotADirectoryError):  # gone meanwhile
                continue
        return total
