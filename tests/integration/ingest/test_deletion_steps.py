"""The steps of a deletion by themselves: nothing is marked, erased or confirmed before what must come first."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from services.ingest.background.deleted_object_watch import DeletedObjectWatch
from services.ingest.session_state.session_cache import SessionCache
from services.ingest.sessions.deletion import SessionDeleter
from shared.catalog.event_store import open_event_store
from shared.domain.caller import ANONYMOUS
from shared.domain.errors import Unavailable
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import event_archive_key, result_key, wav_key
from shared.messaging.bus import Bus
from shared.storage.lock_files import try_lock
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.session_directory import SessionDirectory
from shared.storage.settings import StoreConfig
from shared.storage.spool import Spool
from tests.waiting import until


class KeepingStore(ObjectStore):
    """A store that confirms a deletion of one object, and keeps it."""

    kept = ""

    async def delete(self, key: str) -> None:
        if key != self.kept:
            await super().delete(key)


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
async def keeping(store_config: StoreConfig) -> AsyncIterator[KeepingStore]:
    async with open_store(store_config) as opened:
        yield KeepingStore(opened._client, store_config)


@pytest.fixture
def call(tmp_path: Path) -> SessionDirectory:
    spool = Spool(tmp_path)
    spool.prepare()
    directory = spool.create_directory(SessionKey("default", f"steps-{tmp_path.name}"[:100]))
    directory.chunk(0).write_bytes(b"chunk")
    return directory


@pytest.fixture
def deleter(
    tmp_path: Path, call: SessionDirectory, executor: Executor, bus: Bus, keeping: KeepingStore
) -> SessionDeleter:
    assert call.exists()
    spool = Spool(tmp_path)
    events = open_event_store(bus, keeping, replicas=1)
    return SessionDeleter(spool, SessionCache(), executor, events, DeletedObjectWatch(spool, keeping, executor))


async def test_a_session_is_not_marked_as_deleted_before_its_deletion_is_sure_to_be_finished(
    deleter: SessionDeleter, call: SessionDirectory
) -> None:
    (deleter.spool.root / ".deletions").rename(deleter.spool.root / ".elsewhere")
    with pytest.raises(OSError, match="No such file"):
        await deleter.delete(call.key, ANONYMOUS)
    assert not call.deleted.exists()
    (deleter.spool.root / ".elsewhere").rename(deleter.spool.root / ".deletions")
    assert (await deleter.delete(call.key, ANONYMOUS)).chunks == 1


@pytest.mark.parametrize("of", ["recording", "result", "event"])
async def test_no_receipt_is_given_while_anything_is_still_there_and_the_deletion_goes_on(
    deleter: SessionDeleter, call: SessionDirectory, keeping: KeepingStore, of: str
) -> None:
    names = {
        "recording": wav_key(call.key),
        "result": result_key(call.key),
        "event": event_archive_key(call.key, "audio.ready"),
    }
    keeping.kept = names[of]
    await keeping.put(keeping.kept, b"kept", content_type="text/plain", metadata={})
    with pytest.raises(Unavailable) as refused:
        await deleter.delete(call.key, ANONYMOUS)
    assert refused.value.code == "not_erased"
    assert deleter.spool.deletion(call) is not None
    kept, keeping.kept = keeping.kept, ""
    assert kept in (await deleter.delete(call.key, ANONYMOUS)).deleted
    assert deleter.spool.deletion(call) is None


async def test_nothing_is_erased_under_the_hands_of_who_works_on_the_session(
    deleter: SessionDeleter, call: SessionDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = try_lock(call.work_lock)
    assert working is not None
    tried: list[str] = []
    flock = fcntl.flock

    def recorded(fd: int, how: int) -> None:
        tried.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", recorded)
    deleting = asyncio.create_task(deleter.delete(call.key, ANONYMOUS))
    await until(lambda: deleting.done() or tried.count(call.work_lock.name) > 1)  # it came a second time
    assert not deleting.done()
    assert call.chunk(0).exists()
    working.release()
    assert (await deleting).chunks == 1


async def test_a_deletion_that_was_decided_on_before_another_one_ended_is_not_begun_anew(
    deleter: SessionDeleter, call: SessionDirectory
) -> None:
    await deleter.delete(call.key, ANONYMOUS)
    deleter._begin_deletion(call.key, None, None)  # as it goes on for who had looked before
    assert deleter.spool.deletion(call) is None
