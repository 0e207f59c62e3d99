import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest

from shared.storage.durable_files import TemporaryFile, remove_stale_temporaries, write_durably
from shared.storage.lock_files import acquire_lock


def test_a_file_gets_its_name_complete_and_never_overwrites(tmp_path: Path) -> None:
    temporaries, final = tmp_path / "t", tmp_path / "final"
    temporaries.mkdir()
    assert write_durably(final, b"first", temporaries)
    assert not write_durably(final, b"second", temporaries)
    assert final.read_bytes() == b"first"
    assert list(temporaries.iterdir()) == []


def test_many_small_pieces_are_written_in_order(tmp_path: Path) -> None:
    file = TemporaryFile(tmp_path)
    pieces = [bytes([number % 256]) * (number % 7) for number in range(5000)]
    file.write(pieces)
    assert file.path.read_bytes() == b"".join(pieces)
    file.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_anonymous_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a filesystem without O_TMPFILE: without the flag, opening a directory for writing fails with EISDIR."""
    monkeypatch.setattr("shared.storage.durable_files._ANONYMOUS_FLAGS", os.O_WRONLY | os.O_CLOEXEC)


@pytest.mark.usefixtures("no_anonymous_files")
def test_without_anonymous_files_a_file_has_a_temporary_name_until_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    temporaries, final = Path("t"), Path("final")
    temporaries.mkdir()
    file = TemporaryFile(temporaries)
    file.write([b"complete"])
    assert [path.read_bytes() for path in temporaries.iterdir()] == [b"complete"]
    assert file.link_to(final)
    assert not file.link_to(final)
    file.discard()
    assert list(temporaries.iterdir()) == []
    assert final.read_bytes() == b"complete"


@pytest.mark.usefixtures("no_anonymous_files")
def test_stale_temporary_files_are_removed_and_those_being_written_stay(tmp_path: Path) -> None:
    live = TemporaryFile(tmp_path)
    stale = tmp_path / "stale"
    stale.write_bytes(b"x")
    fresh = tmp_path / "fresh"
    fresh.write_bytes(b"x")
    for path in (live.path, stale):
        os.utime(path, (0, 0))
    assert remove_stale_temporaries(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == {live.path.name, "fresh"}
    live.discard()


def test_a_symbolic_link_planted_as_lock_is_not_followed(tmp_path: Path) -> None:
    tmp_path.joinpath("lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), acquire_lock(tmp_path / "lock"):  # noqa: PT011  # the number differs by system
        pass
    assert not tmp_path.joinpath("elsewhere").exists()


def test_a_lock_has_one_holder_at_a_time(tmp_path: Path) -> None:
    holders, max_holders = 0, 0
    guard = threading.Lock()

    def hold() -> None:
        nonlocal holders, max_holders
        for _ in range(200):
            with acquire_lock(tmp_path / "lock"):
                with guard:
                    holders += 1
                    max_holders = max(max_holders, holders)
                with guard:
                    holders -= 1

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max_holders == 1


def test_a_thread_that_waits_for_a_removed_lock_file_opens_the_next_one(tmp_path: Path) -> None:
    path, held = tmp_path / "lock", threading.Event()
    changes: list[int] = []

    def wait() -> None:
        held.wait()
        with acquire_lock(path) as lock:
            changes.append(lock.changes)
            assert path.exists()

    waiter = threading.Thread(target=wait)
    waiter.start()
    with acquire_lock(path) as lock:
        lock.bump_version()
        held.set()
        lock.remove(path)
    waiter.join()
    assert changes == [0]


def test_a_lock_file_that_a_crash_left_marked_as_removed_is_unlinked_by_the_next_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with acquire_lock(path) as lock:
        os.link(path, tmp_path / "second_link")
        lock.bump_version()
        lock.remove(path)
    (tmp_path / "second_link").rename(path)
    with acquire_lock(path) as lock:
        assert lock.changes == 0


@pytest.mark.usefixtures("no_anonymous_files")
def test_a_temporary_file_that_can_not_be_locked_leaves_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, f"no locks: {fd} {operation}")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="no locks"):
        TemporaryFile(tmp_path)
    assert list(tmp_path.iterdir()) == []
