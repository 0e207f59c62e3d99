"""What is synced before a success is told, seen at `os.fsync`; a sync that fails is never a success."""

import errno
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.intake.admission import Admission, UploadReservation
from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget, StoredChunk
from services.ingest.intake.disk_reserve import DiskReserve
from services.ingest.intake.group_commit import GroupCommit
from services.ingest.intake.staged_chunk import StagedChunk
from services.ingest.intake.sync_threads import SyncThreads
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.envelope import make_envelope
from shared.domain.events import AudioReady
from shared.domain.identifiers import SessionKey
from shared.observability.trace import new_trace
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool
from tests.unit.ingest.inline_executor import InlineExecutor

KEY = SessionKey("default", "call")
Fsync = Callable[[int], None]
Store = Callable[[bytes], Awaitable[StoredChunk]]


@pytest.fixture
def call(spool: Spool) -> SessionDirectory:
    return spool.session(KEY)


@pytest.fixture
def quota(spool: Spool) -> TenantQuota:
    return TenantQuota(spool, InlineExecutor(), 0)


@pytest.fixture
def reservation(spool: Spool, quota: TenantQuota) -> Iterator[UploadReservation]:
    with Admission(DiskReserve(spool.root, 0), quota, max_uploads=9, max_per_tenant=0).reserve(
        KEY.tenant, 0
    ) as reservation:
        yield reservation


@pytest.fixture
async def store(  # a chunk as number 0 of the session, in a batch of its own
    spool: Spool, sessions: SessionCache, quota: TenantQuota, reservation: UploadReservation
) -> AsyncIterator[Store]:
    with ThreadPoolExecutor(1) as executor, SyncThreads(4) as syncs:
        chunks = ChunkStore(spool, sessions, quota, max_session_size=100)
        commits = GroupCommit(chunks, executor, syncs, workers=1, on_durable=lambda _: None)

        async def store(content: bytes) -> StoredChunk:
            staged = StagedChunk(spool.temporaries, executor, reservation)
            await staged.write(content)
            return await commits.commit(ChunkTarget(KEY, 0), staged)

        yield store


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was synced since, by the paths of its descriptors."""
    synced: list[Path] = []
    fsync = os.fsync

    def recorded(fd: int) -> None:
        fsync(fd)
        synced.append(Path(f"/proc/self/fd/{fd}").readlink())

    monkeypatch.setattr(os, "fsync", recorded)
    return synced


def failing(kind: Callable[[int], bool], fsync: Fsync) -> Fsync:
    def fail(fd: int) -> None:
        if kind(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, "the disk is broken")
        fsync(fd)

    return fail


@pytest.mark.parametrize("kind", [stat.S_ISREG, stat.S_ISDIR], ids=["file", "directory"])
async def test_a_chunk_that_can_not_be_synced_is_never_acknowledged(
    store: Store, call: SessionDirectory, monkeypatch: pytest.MonkeyPatch, kind: Callable[[int], bool]
) -> None:
    await store(b"chunk")
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", failing(kind, fsync))
    with pytest.raises(OSError, match="the disk is broken"):
        await store(b"chunk")
    monkeypatch.setattr(os, "fsync", fsync)
    assert (await store(b"chunk")).total_chunks == 1
    assert call.chunk(0).read_bytes() == b"chunk"


async def test_a_chunk_whose_bytes_could_not_be_synced_gets_no_name(
    store: Store, call: SessionDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(stat.S_ISREG, os.fsync))
    with pytest.raises(OSError, match="the disk is broken"):
        await store(b"chunk")
    assert not call.chunk(0).exists()


async def test_a_repeated_chunk_is_synced_under_its_name_though_it_lies_there_already(
    store: Store, call: SessionDirectory, synced: list[Path]
) -> None:
    await store(b"chunk")
    synced.clear()
    await store(b"chunk")
    assert call.path in synced


async def test_a_manifest_that_is_there_already_is_synced_under_its_name_before_it_is_returned(
    store: Store, call: SessionDirectory, spool: Spool, sessions: SessionCache, synced: list[Path]
) -> None:
    await store(b"chunk")
    manifests = ManifestWriter(spool, sessions)
    first = manifests.write(KEY, new_trace(), None)
    synced.clear()
    assert manifests.write(KEY, new_trace(), None) == first
    assert synced == [call.path]


async def test_what_a_deletion_removes_from_the_spool_is_synced_as_removed(
    store: Store, call: SessionDirectory, spool: Spool, synced: list[Path]
) -> None:
    await store(b"chunk")
    synced.clear()
    assert spool.delete_files(call) == 1
    assert synced == [call.path]


async def test_chunks_are_erased_only_behind_a_durable_result(
    store: Store, call: SessionDirectory, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(b"chunk")
    ready = AudioReady(
        url="https://store.test/audio_call.wav",
        filename="audio_call.wav",
        object_key="audio_call.wav",
        size_bytes=1,
        sha256="0",
        duration_seconds=1.0,
        manifest_sha256="0",
    )
    result = make_envelope("assembler", KEY, ready, cause="x", trace=new_trace())
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", failing(stat.S_ISREG, fsync))
    with pytest.raises(OSError, match="the disk is broken"):
        spool.finish_session(call, result)
    assert call.chunk(0).exists()
    monkeypatch.setattr(os, "fsync", fsync)
    spool.finish_session(call, result)
    assert not call.chunk(0).exists()
