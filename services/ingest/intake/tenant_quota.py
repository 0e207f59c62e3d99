"""How many bytes each tenant has waiting in the spool, counted without a walk for every chunk.

A memory, never the truth: the disk is. What this process stores is added as it comes; what others store and erase is
seen when the tenant is counted anew. That is done before the first chunk after a start, before anyone is refused, and
beside the work while the tenant is active (ADR 11 says how far off it may be).
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
_REST = 20  # times what the last count took: counting costs a twentieth of one processor at most
_ASK_SECONDS = 1.0  # between two counts before refusals
_RETRY_AFTER = 30


@dataclass(slots=True)
class _Usage:
    """One tenant's bytes; `added` are this process's own ever, `took` the seconds of the last count."""

    known: int | None = None
    added: int = 0
    counted_at: float = 0.0
    took: float = 0.0
    counting: Lock = field(default_factory=Lock)


class TenantQuota:
    """Lets each tenant have `quota` bytes waiting, any number for 0; safe to use from threads."""

    def __init__(
        self, spool: Spool, executor: Executor, quota: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spool = spool
        self._executor = executor
        self._quota = quota
        self._clock = clock
        self._usages: dict[str, _Usage] = {}
        self._guard = Lock()

    def check(self, tenant: str, arriving: int, of_one: int) -> None:
        """Raise TooMany unless the tenant may have `arriving` more bytes than are stored.

        TooLarge if one upload alone, with its `of_one` of them, never may.

        Blocks, for as long as a count takes when it would refuse.
        """
        if not self._quota:
            return
        if of_one > self._quota:
            raise TooLarge(f"You may have at most {self._quota} bytes waiting here at once.", code="over_quota")
        usage = self._usage(tenant)
        if usage.known is None:
            self._count(tenant, usage, older_than=0.0)
        elif self._clock() - usage.counted_at > max(_FRESH_SECONDS, usage.took * _REST):
            self._executor.submit(self._recount, tenant, usage)
        if self._is_over(usage, arriving):
            self._count(tenant, usage, older_than=max(_ASK_SECONDS, usage.took * _REST))
        if self._is_over(usage, arriving):
            raise RateLimited(
                f"You may have at most {self._quota} bytes waiting here at once: finalize or delete sessions, or send "
                "this again once earlier ones are stored.",
                retry_after=_RETRY_AFTER,
                code="over_quota",
            )

    def needs_check(self, tenant: str, arriving: int) -> bool:
        """Whether `require` would refuse, or would have to count first."""
        if not self._quota:
            return False
        usage = self._usage(tenant)
        return usage.known is None or self._is_over(usage, arriving)

    def add(self, tenant: str, size: int) -> None:
        """Count a chunk that just got its name."""
        if self._quota:
            usage = self._usage(tenant)
            with self._guard:
                usage.added += size
                if usage.known is not None:
                    usage.known += size

    def _usage(self, tenant: str) -> _Usage:
        with self._guard:
            return self._usages.setdefault(tenant, _Usage())

    def _is_over(self, usage: _Usage, arriving: int) -> bool:
        return (usage.known or 0) + arriving > self._quota

    def _recount(self, tenant: str, usage: _Usage) -> None:
        try:
            self._count(tenant, usage, older_than=_FRESH_SECONDS)
        except OSError:
            log.exception("a tenant's bytes can't be counted; trying again soon")

    def _count(self, tenant: str, usage: _Usage, *, older_than: float) -> None:
        """Count unless somebody else just has; whoever comes while one counts waits only if nothing is known yet."""
        if not usage.counting.acquire(blocking=usage.known is None):
            return
        try:
            begun = self._clock()
            if usage.known is not None and begun - usage.counted_at < older_than:
                return
            with self._guard:
                before = usage.added
            counted = self._bytes_of(tenant)
            with self._guard:
                usage.known = counted + usage.added - before  # some of these may have been counted: rather too many
            usage.counted_at = self._clock()
            usage.took = usage.counted_at - begun
        finally:
            usage.counting.release()

    def _bytes_of(self, tenant: str) -> int:
        total = 0
        for directory in self._spool.sessions_of(tenant):
            try:
                total += sum(directory.sizes().values())
            except (FileNotFoundError, NotADirectoryError):  # gone meanwhile
                continue
        return total
