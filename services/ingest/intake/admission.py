"""Reserves uploads: limits how many are in progress, and checks their announced bytes against disk and quota."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from services.ingest.intake.disk_reserve import DiskReserve
from services.ingest.intake.tenant_quota import TenantQuota
from shared.domain.errors import Unavailable

_MAX_BUFFER = 1024 * 1024  # handing over to a thread costs tens of microseconds: one mebibyte each time is worth it
_MIN_BUFFER = 64 * 1024
_BUFFERS_TOTAL = 8 * 1024 * 1024


class Admission:
    """Limits concurrent uploads per process and per tenant; rejects at once with 503 instead of queueing.

    At most `max_uploads` are in progress, `max_per_tenant` of one tenant (0 for no limit per tenant). A queue of open
    connections would hold memory for clients that may be slow.
    """

    def __init__(self, reserve: DiskReserve, quota: TenantQuota, *, max_uploads: int, max_per_tenant: int) -> None:
        self._reserve = reserve
        self._quota = quota
        self._max_uploads = max_uploads
        self._max_per_tenant = max_per_tenant or max_uploads
        self._in_progress = 0
        self._uploads: Counter[str] = Counter()
        self._guard = Lock()  # over the two sums below
        self._unwritten = 0  # announced to the disk: bytes of all uploads that are not written yet
        self._unstored: Counter[str] = Counter()  # counted against each tenant's quota: bytes that are not stored yet

    @contextmanager
    def reserve(self, tenant: str, announced: int) -> Iterator["UploadReservation"]:
        """Reserve one upload for as long as the block lasts; enter it before the body is read.

        `announced` is the upload's size in bytes by its head, 0 without one. Raises Unavailable.
        """
        if self._in_progress >= self._max_uploads:
            raise Unavailable("Too many uploads at once: send this one again.", code="too_many_uploads")
        if self._uploads[tenant] >= self._max_per_tenant:
            raise Unavailable("Too many uploads of yours at once: send this one again.", code="too_many_uploads")
        self._in_progress += 1
        self._uploads[tenant] += 1
        reservation = UploadReservation(self, tenant, announced)
        try:
            yield reservation
        finally:
            reservation.release()
            self._in_progress -= 1
            self._uploads[tenant] -= 1
            if not self._uploads[tenant]:
                del self._uploads[tenant]

    @property
    def buffer_size(self) -> int:
        """How many bytes each upload may buffer: 8 MiB shared by all in progress, from 64 KiB to 1 MiB each."""
        return max(_MIN_BUFFER, min(_MAX_BUFFER, _BUFFERS_TOTAL // max(1, self._in_progress)))

    def adjust_announced(self, tenant: str, unwritten: int, unstored: int) -> None:
        """Add to what is announced to the disk (`unwritten`) and what counts against the quota (`unstored`)."""
        with self._guard:
            self._unwritten += unwritten
            self._unstored[tenant] += unstored
            if not self._unstored[tenant]:
                del self._unstored[tenant]

    def check_announced(self, tenant: str, upload_bytes: int) -> None:
        """Raise OutOfSpace, TooLarge or RateLimited unless all announced bytes fit; blocks.

        `upload_bytes` of them are announced by one upload.
        """
        self._reserve.check(self._unwritten)
        self._quota.check(tenant, self._unstored[tenant], upload_bytes)

    def would_fit(self, tenant: str) -> bool:
        """Whether all announced bytes fit by what is cached; asks no disk and does not block."""
        return self._reserve.has_left(self._unwritten) and not self._quota.needs_check(tenant, self._unstored[tenant])

    def take(self, tenant: str, upload_bytes: int, size: int) -> None:
        """Raise OutOfSpace, TooLarge or RateLimited unless disk and quota have room for `size` bytes; blocks."""
        self._reserve.take(size)
        self._quota.check(tenant, self._unstored[tenant], upload_bytes)


class UploadReservation:
    """Reservation of one upload in progress; used by one thread at a time."""

    def __init__(self, admission: Admission, tenant: str, announced: int) -> None:
        self._admission = admission
        self._tenant = tenant
        self._unwritten = announced  # announced to the disk and not written yet
        self._unstored = announced  # counted against the quota until the chunk is stored
        self._written = 0
        admission.adjust_announced(tenant, announced, announced)

    @property
    def buffer_size(self) -> int:
        """How many bytes the upload may buffer now."""
        return self._admission.buffer_size

    def check(self) -> None:
        """Raise OutOfSpace, TooLarge or RateLimited if disk or quota has no room for the announced bytes; blocks."""
        self._admission.check_announced(self._tenant, self._unstored)

    def fits_without_disk_check(self) -> bool:
        """Whether `check` would pass by what is cached; asks no disk and does not block."""
        return self._admission.would_fit(self._tenant)

    def take(self, size: int) -> None:
        """Count the next `size` bytes as written; raises OutOfSpace, TooLarge or RateLimited without room. Blocks."""
        self._written += size
        self._adjust(max(0, self._unwritten - size), max(self._unstored, self._written))
        self._admission.take(self._tenant, self._unstored, size)

    def release(self) -> None:
        """Release the announced bytes: they are stored by now, or discarded."""
        self._adjust(0, 0)

    def _adjust(self, unwritten: int, unstored: int) -> None:
        self._admission.adjust_announced(self._tenant, unwritten - self._unwritten, unstored - self._unstored)
        self._unwritten, self._unstored = unwritten, unstored
