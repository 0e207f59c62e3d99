"""A session is of one kind of upload, whichever address its chunks come to."""

from pathlib import Path

import pytest

from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget
from services.ingest.intake.staged_chunk import StagedFile
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.errors import Conflict
from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import LeadRecording
from shared.storage.durable_files import TemporaryFile
from shared.storage.session_directory import SessionMetadata
from shared.storage.spool import Spool
from tests.unit.ingest.inline_executor import InlineExecutor

KEY = SessionKey("default", "call")


@pytest.mark.parametrize("opened", [False, True], ids=["a raw session", "a lead's recording"])
def test_a_session_takes_no_chunk_that_came_as_another_kind_of_upload(tmp_path: Path, opened: bool) -> None:  # noqa: FBT001  # a case
    spool = Spool(tmp_path)
    spool.prepare()
    chunks = ChunkStore(spool, SessionCache(), TenantQuota(spool, InlineExecutor(), 0), max_session_size=100)
    if opened:
        recording = LeadRecording(lead="7", call_log="1", filename="a.wav")
        spool.create_session(KEY, SessionMetadata(purpose=recording, opened_at="2026-01-01T00:00:00Z"))

    def store(index: int, *, of_opened: bool) -> int:
        file = TemporaryFile(spool.temporaries)
        file.write([b"chunk"])
        try:
            return chunks.store(ChunkTarget(KEY, index, of_opened), StagedFile(file, 5, "hash")).total_chunks
        finally:
            file.discard()

    assert store(0, of_opened=opened) == 1
    with pytest.raises(Conflict) as refused:
        store(1, of_opened=not opened)
    assert refused.value.code == "other_family"
    assert not spool.session(KEY).chunk(1).exists()
