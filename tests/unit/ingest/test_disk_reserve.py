import os
from pathlib import Path

import pytest

from services.ingest.intake.disk_reserve import DiskReserve
from shared.domain.errors import OutOfSpace


def test_what_was_let_in_counts_before_the_disk_is_asked_again(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    most_of_it = int(disk.f_bavail * disk.f_frsize * 0.6)
    reserve = DiskReserve(tmp_path, 0, clock=lambda: 1.0)  # time stands still, so the disk is asked once
    reserve.take(most_of_it)
    assert not reserve.has_left(most_of_it)
    with pytest.raises(OutOfSpace):
        reserve.check(most_of_it)
    with pytest.raises(OutOfSpace):
        reserve.take(most_of_it)
