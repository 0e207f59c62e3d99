"""Reserved uploads are limited in number, and their announced bytes by the disk and the quota."""

import os
from pathlib import Path

import pytest

from services.ingest.intake.admission import Admission
from services.ingest.intake.disk_reserve import DiskReserve
from services.ingest.intake.tenant_quota import TenantQuota
from shared.domain.errors import OutOfSpace, RateLimited, RoomtoneError, TooLarge, Unavailable
from shared.domain.identifiers import SessionKey
from shared.storage.spool import Spool
from tests.unit.ingest.inline_executor import InlineExecutor

GIB = 1024**3


def admission(folder: Path, *, at_once: int = 9, of_tenant: int = 0, quota: int = 0, left: int = GIB) -> Admission:
    """Return an admission with these limits, whose disk reserve leaves about `left` bytes for uploads."""
    disk = os.statvfs(folder)
    percent = 100 * (disk.f_bavail * disk.f_frsize - left) / (disk.f_blocks * disk.f_frsize)
    return Admission(
        DiskReserve(folder, percent),
        TenantQuota(Spool(folder), InlineExecutor(), quota),
        max_uploads=at_once,
        max_per_tenant=of_tenant,
    )


def test_an_upload_over_the_limit_is_rejected_and_accepted_after_another_has_ended(tmp_path: Path) -> None:
    uploads = admission(tmp_path, at_once=2)
    with uploads.reserve("a", 0):
        with uploads.reserve("b", 0), pytest.raises(Unavailable), uploads.reserve("c", 0):
            pass
        with uploads.reserve("c", 0):
            pass


def test_a_tenant_at_its_limit_leaves_room_for_the_others(tmp_path: Path) -> None:
    uploads = admission(tmp_path, at_once=3, of_tenant=1)
    with uploads.reserve("a", 0):
        with pytest.raises(Unavailable) as rejected, uploads.reserve("a", 0):
            pass
        assert rejected.value.code == "too_many_uploads"
        with uploads.reserve("b", 0):
            pass


def test_bytes_announced_by_other_uploads_are_not_free(tmp_path: Path) -> None:
    uploads = admission(tmp_path)
    with uploads.reserve("a", GIB * 3 // 4) as first:
        first.check()
        with uploads.reserve("b", GIB * 3 // 4) as second, pytest.raises(OutOfSpace):
            second.check()
    with uploads.reserve("b", GIB * 3 // 4) as alone:
        alone.check()


def test_bytes_that_were_not_announced_are_limited_as_they_arrive(tmp_path: Path) -> None:
    uploads = admission(tmp_path)
    with uploads.reserve("a", 0) as reservation:
        reservation.check()
        reservation.take(GIB // 2)
        with pytest.raises(OutOfSpace):
            reservation.take(GIB * 2)


@pytest.mark.parametrize(("announced", "kind"), [(100, None), (101, RateLimited), (201, TooLarge)])
def test_a_quota_counts_stored_and_announced_bytes(
    tmp_path: Path, announced: int, kind: type[RoomtoneError] | None
) -> None:
    spool = Spool(tmp_path)
    spool.create_directory(SessionKey("a", "call")).chunk(0).write_bytes(bytes(100))
    uploads = admission(tmp_path, quota=200)
    with uploads.reserve("a", announced) as reservation:
        if kind is None:
            reservation.check()
        else:
            with pytest.raises(kind) as rejected:
                reservation.check()
            assert rejected.value.code == "over_quota"
    with uploads.reserve("b", 200) as other:
        other.check()


def test_a_quota_holds_for_bytes_that_were_not_announced(tmp_path: Path) -> None:
    uploads = admission(tmp_path, quota=100)
    with uploads.reserve("a", 0) as first, uploads.reserve("a", 0) as second:
        first.take(60)
        second.take(40)
        with pytest.raises(RateLimited):
            second.take(1)


def test_bytes_that_one_tenant_announced_count_against_no_other_quota(tmp_path: Path) -> None:
    uploads = admission(tmp_path, quota=100)
    with uploads.reserve("a", 90) as one, uploads.reserve("b", 90) as other:
        one.check()
        other.check()
