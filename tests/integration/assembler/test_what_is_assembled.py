"""What a worker refuses to make a recording of: another manifest than was finalized, other bytes than were stored."""

from pathlib import Path

import imageio_ffmpeg
import pytest

from services.assembler.assemble import Assembler
from services.assembler.worker import AssemblyWorker
from services.ingest.documents.manifests import DocumentManifests
from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.session_state.session_cache import SessionCache
from shared.audio.ffmpeg_process import DecodePolicy
from shared.catalog.catalog import Catalog
from shared.catalog.event_store import open_event_store
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.errors import Permanent, Unavailable
from shared.domain.events import AudioReady, SessionFinalized
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import StoredManifest
from shared.domain.object_keys import wav_key
from shared.domain.upload_kind import RegisteredDocument
from shared.messaging.bus import Bus, last_event
from shared.observability.trace import new_trace
from shared.storage.lock_files import acquire_lock, try_lock
from shared.storage.object_store import ObjectStore
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool

PICTURE = b"\x89PNG\r\n\x1a\n"
SIZE = 100_000  # more than is hashed at the first look


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    return spool


@pytest.fixture
def call(spool: Spool, tmp_path: Path) -> SessionDirectory:
    directory = spool.create_directory(SessionKey("default", f"refused-{tmp_path.name}"[:100]))
    directory.chunk(0).write_bytes(bytes(SIZE))
    return directory


@pytest.fixture
def finalized(spool: Spool, call: SessionDirectory) -> StoredManifest:
    return ManifestWriter(spool, SessionCache()).write(call.key, new_trace(), None)


@pytest.fixture
def assembler(spool: Spool, store: ObjectStore) -> Assembler:
    return Assembler(spool, store, DecodePolicy(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe()))


async def test_a_chunk_that_our_disk_changed_is_not_told_as_its_senders_fault(
    assembler: Assembler, call: SessionDirectory, finalized: StoredManifest
) -> None:
    call.chunk(0).write_bytes(PICTURE.ljust(SIZE, b"\0"))
    with pytest.raises(Permanent) as failed:
        await assembler.assemble(call, finalized)
    assert failed.value.code == "corrupt_chunk"


@pytest.fixture
def worker(assembler: Assembler, bus: Bus) -> AssemblyWorker:
    return AssemblyWorker(assembler.spool, open_event_store(bus, assembler.store, replicas=1), assembler)


def job_of(key: SessionKey, manifest_sha256: str) -> Envelope:
    finalized = SessionFinalized(manifest_sha256=manifest_sha256, chunks=1, bytes=SIZE)
    return make_envelope("ingest", key, finalized, cause="x", trace=new_trace())


async def test_a_manifest_that_is_not_the_one_finalized_is_made_nothing_of(
    worker: AssemblyWorker, call: SessionDirectory, finalized: StoredManifest, store: ObjectStore
) -> None:
    with pytest.raises(Permanent) as failed:
        await worker.handle(job_of(call.key, finalized.sha256[::-1]))
    assert failed.value.code == "other_manifest"
    assert await store.head(wav_key(call.key)) is None


async def test_a_session_whose_deletion_was_begun_is_left_alone(
    worker: AssemblyWorker, call: SessionDirectory, finalized: StoredManifest, store: ObjectStore, bus: Bus
) -> None:
    with acquire_lock(call.lock) as lock:
        worker.spool.mark_deleted(call, lock)
    await worker.handle(job_of(call.key, finalized.sha256))
    assert await store.head(wav_key(call.key)) is None
    assert await last_event(bus, call.key, AudioReady) is None


async def test_of_a_session_that_is_deleted_while_it_is_assembled_no_recording_stays(
    worker: AssemblyWorker, call: SessionDirectory, finalized: StoredManifest, store: ObjectStore, bus: Bus
) -> None:
    await Catalog(bus, replicas=1).delete(call.key, None)
    await worker.handle(job_of(call.key, finalized.sha256))
    assert await store.head(wav_key(call.key)) is None
    assert await last_event(bus, call.key, AudioReady) is None


async def test_a_session_that_another_worker_holds_is_left_to_it(
    worker: AssemblyWorker, call: SessionDirectory, finalized: StoredManifest, store: ObjectStore
) -> None:
    held = try_lock(call.work_lock)
    assert held is not None
    with pytest.raises(Unavailable) as failed:
        await worker.handle(job_of(call.key, finalized.sha256))
    assert failed.value.code == "busy"
    assert await store.head(wav_key(call.key)) is None
    held.release()
    await worker.handle(job_of(call.key, finalized.sha256))
    assert await store.head(wav_key(call.key)) is not None


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1], ids=["shorter", "longer"])
async def test_a_document_that_was_replaced_by_one_of_another_size_is_made_nothing_of(
    assembler: Assembler, tmp_path: Path, size: int
) -> None:
    key = SessionKey("default", f"document-{tmp_path.name}"[:100])
    file = RegisteredDocument(object_key=f"{key.session}.wav", filename="a.wav", mime_type="audio/wav", size_bytes=SIZE)
    DocumentManifests(assembler.spool).write(key, file, new_trace())
    await assembler.store.put(file.object_key, bytes(size), content_type=file.mime_type, metadata={})
    directory = assembler.spool.session(key)
    stored = directory.read_manifest()
    assert stored is not None
    with pytest.raises(Permanent) as failed:
        await assembler.assemble(directory, stored)
    assert failed.value.code == "object_changed"
