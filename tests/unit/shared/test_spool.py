"""A session's directory that is read while another process changes it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.domain.identifiers import SessionKey
from shared.storage.spool import Spool


def test_a_chunk_that_is_deleted_while_the_directory_is_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Spool(tmp_path).create_directory(SessionKey("default", "call"))
    for index in range(3):
        session.chunk(index).write_bytes(bytes(index + 1))
    scandir = os.scandir

    @contextmanager
    def slow_scandir(path: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(path) as entries:
            listed = list(entries)
        session.chunk(1).unlink()
        yield iter(listed)

    monkeypatch.setattr(os, "scandir", slow_scandir)
    assert session.chunk_sizes() == {0: 1, 2: 3}
