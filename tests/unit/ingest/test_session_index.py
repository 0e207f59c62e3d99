from pathlib import Path

from services.ingest.session_index import OpenSession, SessionIndex
from shared.spool import SessionDirectory, Spool
from shared.subjects import SessionKey


def opened(root: Path, name: str, indices: tuple[int, ...] = ()) -> SessionDirectory:
    spool = Spool(root)
    spool.prepare()
    directory = spool.open(SessionKey("default", name))
    for index in indices:
        directory.chunk(index).write_bytes(b"xy")
    return directory


def test_what_is_on_disk_is_counted_and_the_gaps_are_named(tmp_path: Path) -> None:
    session = OpenSession(opened(tmp_path, "a", (1, 2, 5, 9)))
    assert len(session) == 4
    assert session.size == 8
    assert session.next_index == 10
    assert session.missing() == [(0, 0), (3, 4), (6, 8)]
    assert [chunk.index for chunk in session.chunks()] == [1, 2, 5, 9]


def test_another_writers_chunk_is_seen(tmp_path: Path) -> None:
    index = SessionIndex()
    directory = opened(tmp_path, "a", (0,))
    assert len(index.load(directory)) == 1
    assert index.load(directory) is index.load(directory)
    directory.chunk(1).write_bytes(b"theirs")
    assert len(index.load(directory)) == 2


def test_the_oldest_sessions_are_forgotten_once_there_are_too_many_chunks(tmp_path: Path) -> None:
    index = SessionIndex(max_chunks=30)
    first = opened(tmp_path, "first", (0,))
    remembered = index.load(first)
    for name in ("b", "c", "d"):
        index.load(opened(tmp_path, name, (0,)))
    assert index.load(first) is not remembered
