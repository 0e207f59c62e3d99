"""What the reaper leaves in the spool, seen right behind one of its scans."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.ingest.background.reaper import Reaper
from services.ingest.session_state.expiry import SessionExpirer
from services.ingest.session_state.session_cache import SessionCache
from shared.catalog.event_store import open_event_store
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import AudioFailed
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus
from shared.observability.trace import new_trace
from shared.storage.lock_files import acquire_lock, try_lock
from shared.storage.object_store import ObjectStore
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Deletion, Spool


@pytest.fixture
def reaper(tmp_path: Path, bus: Bus, store: ObjectStore) -> Iterator[Reaper]:
    spool = Spool(tmp_path)
    spool.prepare()
    with ThreadPoolExecutor(1) as executor:
        expirer = SessionExpirer(spool, SessionCache(), 3600.0)
        yield Reaper(spool, executor, open_event_store(bus, store, replicas=1), expirer, 60.0)


@pytest.fixture
def failed(tmp_path: Path) -> Envelope:
    key = SessionKey("default", f"old-{tmp_path.name}"[:100])
    event = AudioFailed(code="bad_media", reason="Noise.", manifest_sha256="0")
    return make_envelope("assembler", key, event, cause="0", trace=new_trace())


@pytest.fixture
def ended(reaper: Reaper, failed: Envelope) -> SessionDirectory:
    """A session that ended an hour ago."""
    directory = reaper.spool.create_directory(failed.key)
    with acquire_lock(directory.lock):
        reaper.spool.finish_session(directory, failed)
    os.utime(directory.result, (0, 0))
    return directory


async def scan(reaper: Reaper, directory: SessionDirectory) -> None:
    reaper.inspect(directory, frozenset(path.name for path in directory.path.iterdir()))
    await reaper.flush()


async def test_an_ended_session_stays_until_the_catalog_knows_how_it_ended(
    reaper: Reaper, ended: SessionDirectory, failed: Envelope
) -> None:
    await scan(reaper, ended)
    assert ended.result.exists()
    await reaper.event_store.append(failed)
    await scan(reaper, ended)
    assert not ended.exists()


async def test_a_session_whose_chunks_may_be_the_only_copy_stays_however_old(
    reaper: Reaper, ended: SessionDirectory, failed: Envelope
) -> None:
    await reaper.event_store.append(failed)
    ended.chunk(0).write_bytes(b"the only copy")
    await scan(reaper, ended)
    assert ended.chunk(0).read_bytes() == b"the only copy"


async def test_a_session_whose_deletion_goes_on_stays_marked_as_deleted(
    reaper: Reaper, ended: SessionDirectory, failed: Envelope
) -> None:
    reaper.spool.begin_deletion(ended, Deletion(()))
    with acquire_lock(ended.lock) as lock:
        reaper.spool.mark_deleted(ended, lock)
    os.utime(ended.deleted, (0, 0))
    await reaper.event_store.catalog.delete(failed.key, None)
    await scan(reaper, ended)
    assert ended.deleted.exists()
    reaper.spool.end_deletion(ended)
    await scan(reaper, ended)
    assert not ended.exists()


async def test_a_session_that_is_worked_on_stays(reaper: Reaper, ended: SessionDirectory, failed: Envelope) -> None:
    await reaper.event_store.append(failed)
    working = try_lock(ended.work_lock)
    assert working is not None
    await scan(reaper, ended)
    assert ended.exists()
    working.release()
    await scan(reaper, ended)
    assert not ended.exists()
