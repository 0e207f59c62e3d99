"""Which uploads may come in: so many at once, onto a disk that has room for what they announce, within a quota."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from services.ingest.intake.disk_reserve import DiskReserve
from services.ingest.intake.tenant_quota import TenantQuota
from shared.domain.errors import Unavailable

_MOST_GATHERED = 1024 * 1024  # a hop to a thread costs tens of microseconds: take a mebibyte along each time
_LEAST_GATHERED = 64 * 1024
_GATHERED_TOGETHER = 8 * 1024 * 1024


class Admission:
    """Holds a place for every upload in progress in this process.

    At most `at_once` of them, `of_tenant` of one tenant (0 for no such bound). Whoever finds none free is sent away at
    once: a queue of open connections would hold memory for senders who may be slow.
    """

    def __init__(self, reserve: DiskReserve, quota: TenantQuota, *, at_once: int, of_tenant: int) -> None:
        self._reserve = reserve
        self._quota = quota
        self._at_once = at_once
        self._of_tenant = of_tenant or at_once
        self._in_progress = 0
        self._uploads: Counter[str] = Counter()
        self._guard = Lock()
        self._announced = 0
        self._arriving: Counter[str] = Counter()

    @contextmanager
    def reserve(self, tenant: str, announced: int) -> Iterator["UploadReservation"]:
        """Let one upload in for as long as the block lasts, before anything of its body is read.

        `announced` is how many bytes its head promises, 0 where it says nothing. Raises Unavailable.
        """
        if self._in_progress >= self._at_once:
            raise Unavailable("Too many uploads at once: send this one again.", code="too_many_uploads")
        if self._uploads[tenant] >= self._of_tenant:
            raise Unavailable("Too many uploads of yours at once: send this one again.", code="too_many_uploads")
        self._in_progress += 1
        self._uploads[tenant] += 1
        arrival = UploadReservation(self, tenant, announced)
        try:
            yield arrival
        finally:
            arrival.release()
            self._in_progress -= 1
            self._uploads[tenant] -= 1
            if not self._uploads[tenant]:
                del self._uploads[tenant]

    @property
    def buffer_size(self) -> int:
        """How many bytes each upload may gather in memory: less, the more of them there are."""
        return max(_LEAST_GATHERED, min(_MOST_GATHERED, _GATHERED_TOGETHER // max(1, self._in_progress)))

    def adjust_announced(self, tenant: str, unwritten: int, arriving: int) -> None:
        """Count bytes that are announced and not on the disk yet, and those of the quota that have no name yet."""
        with self._guard:
            self._announced += unwritten
            self._arriving[tenant] += arriving
            if not self._arriving[tenant]:
                del self._arriving[tenant]

    def check_announced(self, tenant: str, of_one: int) -> None:
        """Raise OutOfSpace, TooLarge or TooMany unless all that is announced fits, `of_one` of it by one; blocks."""
        self._reserve.check(self._announced)
        self._quota.check(tenant, self._arriving[tenant], of_one)

    def would_fit(self, tenant: str) -> bool:
        """Whether all that is announced fits, as far as is known without asking the disk."""
        return self._reserve.has_left(self._announced) and not self._quota.needs_check(tenant, self._arriving[tenant])

    def take(self, tenant: str, of_one: int, size: int) -> None:
        """Raise OutOfSpace, TooLarge or TooMany unless the disk and the quota take the next `size` bytes; blocks."""
        self._reserve.take(size)
        self._quota.check(tenant, self._arriving[tenant], of_one)


class UploadReservation:
    """One upload in progress; used by one thread at a time."""

    def __init__(self, admission: Admission, tenant: str, announced: int) -> None:
        self._admission = admission
        self._tenant = tenant
        self._unwritten = announced
        self._arriving = announced
        self._written = 0
        admission.adjust_announced(tenant, announced, announced)

    @property
    def buffer_size(self) -> int:
        """How many bytes it may gather in memory now."""
        return self._admission.buffer_size

    def check(self) -> None:
        """Refuse what can't be kept as things stand; raises OutOfSpace, TooLarge and TooMany. Blocks."""
        self._admission.check_announced(self._tenant, self._arriving)

    def fits_without_disk_check(self) -> bool:
        """Whether `check` would let it in, as far as is known without asking the disk."""
        return self._admission.would_fit(self._tenant)

    def take(self, size: int) -> None:
        """Let the next `size` bytes be written; raises OutOfSpace, TooLarge and TooMany. Blocks."""
        self._written += size
        self._expect(max(0, self._unwritten - size), max(self._arriving, self._written))
        self._admission.take(self._tenant, self._arriving, size)

    def release(self) -> None:
        """Announce nothing more: what was sent has its name and counts as stored, or is gone."""
        self._expect(0, 0)

    def _expect(self, unwritten: int, arriving: int) -> None:
        self._admission.adjust_announced(self._tenant, unwritten - self._unwritten, arriving - self._arriving)
        self._unwritten, self._arriving = unwritten, arriving
