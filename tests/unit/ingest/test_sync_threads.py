"""Syncs run beside each other, and one that fails fails no other."""

from pathlib import Path
from threading import Barrier

from services.ingest.intake.sync_threads import SyncThreads


def test_syncs_that_wait_for_each_other_end_since_they_run_beside_each_other() -> None:
    together = Barrier(4)

    def sync() -> None:
        together.wait(timeout=10)

    with SyncThreads(3) as syncs:  # the fourth runs in the thread that asks
        assert syncs.run([sync] * 4) == [None] * 4


def test_more_syncs_than_threads_all_run(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(50)]
    with SyncThreads(2) as syncs:
        assert syncs.run([file.touch for file in files]) == [None] * 50
    assert all(file.exists() for file in files)


def test_a_failure_is_told_at_its_own_place_and_stops_no_other(tmp_path: Path) -> None:
    broken, done = OSError(5, "the disk is broken"), tmp_path / "done"

    def fail() -> None:
        raise broken

    with SyncThreads(2) as syncs:
        assert syncs.run([fail, done.touch, fail]) == [broken, None, broken]
    assert done.exists()


def test_nothing_to_sync_needs_no_thread() -> None:
    with SyncThreads(1) as syncs:
        assert syncs.run([]) == []
