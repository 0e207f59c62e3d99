"""A disk that does not keep its locks, as a network filesystem may: what another machine stored meanwhile stays."""

from pathlib import Path

import pytest

from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget
from services.ingest.intake.staged_chunk import StagedFile
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.errors import Unavailable
from shared.domain.identifiers import SessionKey
from shared.observability.trace import new_trace
from shared.storage.durable_files import TemporaryFile
from shared.storage.spool import Spool
from tests.unit.ingest.inline_executor import InlineExecutor

KEY = SessionKey("default", "call")


class OvertakenFile(TemporaryFile):
    """A file whose name another machine gives to a chunk of its own at the last moment."""

    def link_to(self, final: Path) -> bool:
        final.write_bytes(b"theirs")
        return super().link_to(final)


@pytest.fixture
def chunks(spool: Spool, sessions: SessionCache) -> ChunkStore:
    return ChunkStore(spool, sessions, TenantQuota(spool, InlineExecutor(), 0), max_session_size=100)


def staged(file: TemporaryFile) -> StagedFile:
    file.write([b"ours"])
    return StagedFile(file, 4, "of ours")


def test_a_chunk_whose_name_was_taken_at_the_last_moment_is_not_acknowledged_and_replaces_nothing(
    spool: Spool, chunks: ChunkStore
) -> None:
    with pytest.raises(Unavailable) as refused:
        chunks.store(ChunkTarget(KEY, 0), staged(OvertakenFile(spool.temporaries)))
    assert refused.value.code == "busy"
    assert spool.session(KEY).chunk(0).read_bytes() == b"theirs"


def test_a_session_that_holds_more_chunks_than_were_counted_under_its_lock_gets_no_manifest(
    spool: Spool, chunks: ChunkStore, sessions: SessionCache
) -> None:
    chunks.store(ChunkTarget(KEY, 0), staged(TemporaryFile(spool.temporaries)))
    spool.session(KEY).chunk(1).write_bytes(b"theirs")
    with pytest.raises(Unavailable) as refused:
        ManifestWriter(spool, sessions).write(KEY, new_trace(), None)
    assert refused.value.code == "busy"
    assert not spool.session(KEY).manifest.exists()
