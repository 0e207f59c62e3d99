"""A quota is counted on disk after a start, added to from then on, and counted again before a rejection."""

from pathlib import Path

import pytest

from services.ingest.intake.tenant_quota import TenantQuota
from shared.domain.errors import RateLimited
from shared.domain.identifiers import SessionKey
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool
from tests.unit.ingest.inline_executor import InlineExecutor


@pytest.fixture
def call(tmp_path: Path) -> SessionDirectory:
    directory = Spool(tmp_path).create_directory(SessionKey("a", "call"))
    directory.chunk(0).write_bytes(bytes(60))
    return directory


def quota(tmp_path: Path) -> TenantQuota:
    return TenantQuota(Spool(tmp_path), InlineExecutor(), 100)


def test_bytes_stored_before_the_start_count(tmp_path: Path, call: SessionDirectory) -> None:
    assert call.exists()
    with pytest.raises(RateLimited):
        quota(tmp_path).check("a", 41, 41)


def test_chunks_stored_later_count_without_reading_the_disk_again(tmp_path: Path, call: SessionDirectory) -> None:
    counted = quota(tmp_path)
    counted.check("a", 40, 40)
    counted.add("a", 30)
    with pytest.raises(RateLimited):
        counted.check("a", 11, 11)
    assert list(call.chunk_sizes()) == [0]


def test_bytes_deleted_by_another_process_are_noticed_before_a_rejection(
    tmp_path: Path, call: SessionDirectory
) -> None:
    moment = 1000.0
    counted = TenantQuota(Spool(tmp_path), InlineExecutor(), 100, clock=lambda: moment)
    counted.check("a", 40, 40)
    call.chunk(0).unlink()
    moment += 2
    counted.check("a", 100, 100)


def test_other_files_in_the_spool_count_for_no_tenant(tmp_path: Path) -> None:
    Spool(tmp_path).prepare()
    tmp_path.joinpath("a").mkdir()
    tmp_path.joinpath("a", "stray-file").write_bytes(bytes(200))
    quota(tmp_path).check("a", 100, 100)
    quota(tmp_path).check("empty", 100, 100)
