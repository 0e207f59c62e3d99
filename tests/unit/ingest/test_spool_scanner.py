"""The scanner shows every session to every visitor, and skips one that can't be inspected."""

from collections.abc import Set as AbstractSet
from pathlib import Path

from services.ingest.background.spool_scanner import SpoolScanner
from shared.domain.identifiers import SessionKey
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool
from tests.unit.ingest.inline_executor import InlineExecutor


class RecordingVisitor:
    """Records the sessions that it was shown, and how many before each flush."""

    def __init__(self) -> None:
        self.sessions: list[str] = []
        self.flushed: list[int] = []

    def inspect(self, directory: SessionDirectory, names: AbstractSet[str]) -> None:
        if "bad" in names:
            raise PermissionError
        self.sessions.append(f"{directory.key.tenant}/{directory.key.session}")

    async def flush(self) -> None:
        self.flushed.append(len(self.sessions))


async def test_every_session_of_every_tenant_is_shown_once_to_each_visitor(tmp_path: Path) -> None:
    spool, visitors = Spool(tmp_path), (RecordingVisitor(), RecordingVisitor())
    spool.prepare()
    keys = [SessionKey(tenant, f"s{number}") for tenant in ("a", "b") for number in range(50)]
    for key in keys:
        spool.create_directory(key)
    spool.create_directory(SessionKey("a", "broken")).chunk(0).with_name("bad").touch()
    tmp_path.joinpath("a", "stray-file").touch()
    await SpoolScanner(spool, InlineExecutor(), visitors).scan()
    for visitor in visitors:
        assert sorted(visitor.sessions) == sorted(f"{key.tenant}/{key.session}" for key in keys)
        assert visitor.flushed[-1] == len(keys)


async def test_a_scan_of_a_spool_without_sessions_shows_nothing(tmp_path: Path) -> None:
    visitor = RecordingVisitor()
    await SpoolScanner(Spool(tmp_path), InlineExecutor(), [visitor]).scan()
    assert visitor.sessions == []
