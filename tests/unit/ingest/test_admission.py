"""What is let in: so many uploads at once, and so many announced bytes as the disk has room for."""

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
    """Let in by these bounds, with a reserve that leaves about `left` bytes for uploads."""
    disk = os.statvfs(folder)
    percent = 100 * (disk.f_bavail * disk.f_frsize - left) / (disk.f_blocks * disk.f_frsize)
    return Admission(
        DiskReserve(folder, percent),
        TenantQuota(Spool(folder), InlineExecutor(), quota),
        at_once=at_once,
        of_tenant=of_tenant,
    )


def test_one_upload_too_many_is_sent_away_and_comes_in_when_another_has_ended(tmp_path: Path) -> None:
    door = admission(tmp_path, at_once=2)
    with door.reserve("a", 0):
        with door.reserve("b", 0), pytest.raises(Unavailable), door.reserve("c", 0):
            pass
        with door.reserve("c", 0):
            pass


def test_a_tenant_with_its_share_of_uploads_leaves_the_others_theirs(tmp_path: Path) -> None:
    door = admission(tmp_path, at_once=3, of_tenant=1)
    with door.reserve("a", 0):
        with pytest.raises(Unavailable) as refused, door.reserve("a", 0):
            pass
        assert refused.value.code == "too_many_uploads"
        with door.reserve("b", 0):
            pass


def test_what_others_announced_is_no_longer_free(tmp_path: Path) -> None:
    door = admission(tmp_path)
    with door.reserve("a", GIB * 3 // 4) as first:
        first.check()
        with door.reserve("b", GIB * 3 // 4) as second, pytest.raises(OutOfSpace):
            second.check()
    with door.reserve("b", GIB * 3 // 4) as alone:
        alone.check()


def test_bytes_that_nobody_announced_are_bounded_as_they_come(tmp_path: Path) -> None:
    door = admission(tmp_path)
    with door.reserve("a", 0) as arrival:
        arrival.check()
        arrival.take(GIB // 2)
        with pytest.raises(OutOfSpace):
            arrival.take(GIB * 2)


@pytest.mark.parametrize(("announced", "kind"), [(100, None), (101, RateLimited), (201, TooLarge)])
def test_a_quota_counts_what_is_stored_and_what_is_announced(
    tmp_path: Path, announced: int, kind: type[RoomtoneError] | None
) -> None:
    spool = Spool(tmp_path)
    spool.create_directory(SessionKey("a", "call")).chunk(0).write_bytes(bytes(100))
    door = admission(tmp_path, quota=200)
    with door.reserve("a", announced) as arrival:
        if kind is None:
            arrival.check()
        else:
            with pytest.raises(kind) as refused:
                arrival.check()
            assert refused.value.code == "over_quota"
    with door.reserve("b", 200) as other:
        other.check()


def test_a_quota_holds_for_bytes_that_nobody_announced(tmp_path: Path) -> None:
    door = admission(tmp_path, quota=100)
    with door.reserve("a", 0) as first, door.reserve("a", 0) as second:
        first.take(60)
        second.take(40)
        with pytest.raises(RateLimited):
            second.take(1)
