"""A session's limit where it is kept in the end: under the lock, whatever a request's head said before."""

from pathlib import Path

import pytest

from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget
from services.ingest.intake.staged_chunk import StagedFile
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.errors import TooLarge
from shared.domain.identifiers import SessionKey
from shared.storage.durable_files import TemporaryFile
from shared.storage.spool import Spool
from tests.unit.ingest.inline_executor import InlineExecutor

KEY = SessionKey("default", "call")


def test_chunks_that_are_small_enough_each_are_refused_once_they_are_too_much_together(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    chunks = ChunkStore(spool, SessionCache(), TenantQuota(spool, InlineExecutor(), 0), max_session_size=100)

    def store(index: int, size: int) -> int:
        file = TemporaryFile(spool.temporaries)
        file.write([bytes(size)])
        try:
            return chunks.store(ChunkTarget(KEY, index), StagedFile(file, size, f"{size} zeros")).total_size
        finally:
            file.discard()

    assert store(0, 60) == 60
    with pytest.raises(TooLarge):
        store(1, 41)
    assert not spool.session(KEY).chunk(1).exists()
    assert store(1, 40) == 100
    assert store(0, 60) == 100  # a repeat adds nothing
