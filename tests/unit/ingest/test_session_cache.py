import os
from pathlib import Path

import pytest

from services.ingest.session_state.session_cache import CachedSession, SessionCache
from shared.domain.identifiers import SessionKey
from shared.storage.lock_files import acquire_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


def opened(root: Path, name: str, indices: tuple[int, ...] = ()) -> SessionDirectory:
    spool = Spool(root)
    spool.prepare()
    directory = spool.create_directory(SessionKey("default", name))
    for index in indices:
        directory.chunk(index).write_bytes(b"xy")
    return directory


def test_chunks_on_disk_are_counted_and_the_gaps_listed(tmp_path: Path) -> None:
    directory = opened(tmp_path, "a", (1, 2, 5, 9))
    with acquire_lock(directory.lock) as lock:
        session = CachedSession(directory, lock)
    assert len(session) == 4
    assert session.size == 8
    assert session.next_index == 10
    assert session.missing() == [(0, 0), (3, 4), (6, 8)]
    assert [chunk.index for chunk in session.chunks()] == [1, 2, 5, 9]


def load(index: SessionCache, directory: SessionDirectory) -> CachedSession:
    with acquire_lock(directory.lock) as lock:
        return index.load(directory, lock)


def test_another_writers_chunk_is_seen_even_if_the_mtime_stands_still(tmp_path: Path) -> None:
    ours, theirs = SessionCache(), SessionCache()
    directory = opened(tmp_path, "a", (0,))
    assert len(load(ours, directory)) == 1
    assert load(ours, directory) is load(ours, directory)
    before = directory.path.stat()
    with acquire_lock(directory.lock) as lock:
        session = theirs.load(directory, lock)
        lock.bump_version()
        directory.chunk(1).write_bytes(b"theirs")
        session.add(1, 6, "00", lock)
    os.utime(directory.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(load(ours, directory)) == 2


def test_a_directory_that_another_process_has_recreated_is_synced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, synced = SessionCache(), list[Path]()
    monkeypatch.setattr("shared.storage.session_directory.sync_directory", synced.append)
    directory = opened(tmp_path, "a")
    load(index, directory)
    load(index, directory)
    assert synced.count(directory.path.parent) == 1
    with acquire_lock(directory.lock) as lock:
        Spool(tmp_path).remove_session(directory, lock)
    load(index, opened(tmp_path, "a"))
    assert synced.count(directory.path.parent) == 2


def test_the_least_recently_used_sessions_are_evicted_beyond_the_chunk_limit(tmp_path: Path) -> None:
    index = SessionCache(max_chunks=30)
    first = opened(tmp_path, "first", (0,))
    remembered = load(index, first)
    for name in ("b", "c", "d"):
        load(index, opened(tmp_path, name, (0,)))
    assert load(index, first) is not remembered
