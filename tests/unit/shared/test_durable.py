import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest

from shared.storage.durable_files import TemporaryFile, remove_stale_temporaries, write_durably
from shared.storage.lock_files import acquire_lock


def test_a_file_gets_its_name_whole_and_only_once(tmp_path: Path) -> None:
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
def no_nameless_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the filesystem be one without O_TMPFILE: the kernel is asked for a folder to write into, and says no."""
    monkeypatch.setattr("shared.storage.durable_files._ANONYMOUS_FLAGS", os.O_WRONLY | os.O_CLOEXEC)


@pytest.mark.usefixtures("no_nameless_files")
def test_where_files_need_a_name_they_have_one_until_they_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    temporaries, final = Path("t"), Path("final")
    temporaries.mkdir()
    file = TemporaryFile(temporaries)
    file.write([b"whole"])
    assert [path.read_bytes() for path in temporaries.iterdir()] == [b"whole"]
    assert file.link_to(final)
    assert not file.link_to(final)
    file.discard()
    assert list(temporaries.iterdir()) == []
    assert final.read_bytes() == b"whole"


@pytest.mark.usefixtures("no_nameless_files")
def test_a_sweep_takes_what_a_crash_left_and_spares_what_is_being_written(tmp_path: Path) -> None:
    live = TemporaryFile(tmp_path)
    left = tmp_path / "left"
    left.write_bytes(b"x")
    fresh = tmp_path / "fresh"
    fresh.write_bytes(b"x")
    for path in (live.path, left):
        os.utime(path, (0, 0))
    assert remove_stale_temporaries(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == {live.path.name, "fresh"}
    live.discard()


def test_a_symbolic_link_planted_as_lock_is_not_followed(tmp_path: Path) -> None:
    tmp_path.joinpath("lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), acquire_lock(tmp_path / "lock"):  # noqa: PT011  # the number differs by system
        pass
    assert not tmp_path.joinpath("elsewhere").exists()


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def hold() -> None:
        nonlocal inside, most
        for _ in range(200):
            with acquire_lock(tmp_path / "lock"):
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_who_waits_for_a_lock_file_that_is_removed_opens_the_next_one(tmp_path: Path) -> None:
    path, inside = tmp_path / "lock", threading.Event()
    seen: list[int] = []

    def wait() -> None:
        inside.wait()
        with acquire_lock(path) as lock:
            seen.append(lock.changes)
            assert path.exists()

    waiting = threading.Thread(target=wait)
    waiting.start()
    with acquire_lock(path) as lock:
        lock.bump_version()
        inside.set()
        lock.remove(path)
    waiting.join()
    assert seen == [0]


def test_a_lock_file_whose_removal_a_crash_cut_short_is_removed_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with acquire_lock(path) as lock:
        os.link(path, tmp_path / "kept")
        lock.bump_version()
        lock.remove(path)
    (tmp_path / "kept").rename(path)
    with acquire_lock(path) as lock:
        assert lock.changes == 0


@pytest.mark.usefixtures("no_nameless_files")
def test_a_temporary_file_that_can_not_be_locked_leaves_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, how: int) -> None:
        raise OSError(errno.ENOLCK, f"no locks: {fd} {how}")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="no locks"):
        TemporaryFile(tmp_path)
    assert list(tmp_path.iterdir()) == []
