"""Sessions that end while their lock is waited for, or are still cached as open: its holder looks again."""

import asyncio
import os
import time
from collections.abc import Callable

import pytest

from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget
from services.ingest.intake.staged_chunk import StagedFile
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.expiry import SessionExpirer
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.errors import Conflict, NotFound, RoomtoneError
from shared.domain.identifiers import SessionKey
from shared.observability.trace import new_trace
from shared.storage.durable_files import TemporaryFile
from shared.storage.lock_files import acquire_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool
from tests.processes import waits_for_lock
from tests.unit.ingest.inline_executor import InlineExecutor
from tests.waiting import until

KEY = SessionKey("default", "call")
TTL = 3600.0


class Ingest:
    """One process's way to the sessions of a spool, with a cache of its own."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.sessions = SessionCache()
        quota = TenantQuota(spool, InlineExecutor(), 0)
        self._chunks = ChunkStore(spool, self.sessions, quota, max_session_size=100)
        self.manifests = ManifestWriter(spool, self.sessions)
        self.expirer = SessionExpirer(spool, self.sessions, TTL)

    def store(self, content: bytes = b"chunk") -> int:
        file = TemporaryFile(self._spool.temporaries)
        file.write([content])
        stored = self._chunks.store(ChunkTarget(KEY, None), StagedFile(file, len(content), "hash"))
        file.discard()
        return stored.total_chunks

    def finalize(self) -> object:
        return self.manifests.write(KEY, new_trace(), None)

    def delete(self) -> None:
        directory = self._spool.session(KEY)
        with acquire_lock(directory.lock) as lock:
            self._spool.mark_deleted(directory, lock)

    def expire(self) -> bool:
        return self.expirer.expire(self._spool.session(KEY))


@pytest.fixture
def call(spool: Spool) -> SessionDirectory:
    return spool.session(KEY)


@pytest.fixture
def one(spool: Spool) -> Ingest:
    return Ingest(spool)


@pytest.fixture
def other(spool: Spool) -> Ingest:
    return Ingest(spool)


def aged(directory: SessionDirectory) -> None:
    moment = time.time() - TTL - 1
    os.utime(directory.path, (moment, moment))


def ended_by(how: str, ingest: Ingest, directory: SessionDirectory) -> None:
    match how:
        case "finalized":
            ingest.finalize()
        case "deleted":
            ingest.delete()
        case _:
            aged(directory)
            assert ingest.expire()


@pytest.mark.parametrize(("how", "code"), [("finalized",) * 2, ("deleted", "not_found"), ("expired",) * 2])
def test_a_session_that_another_process_ended_takes_no_chunk_from_one_that_has_it_cached_as_open(
    one: Ingest, other: Ingest, call: SessionDirectory, how: str, code: str
) -> None:
    assert one.store() == 1
    ended_by(how, other, call)
    with pytest.raises(RoomtoneError) as refused:
        one.store(b"late")
    assert refused.value.code == code
    assert not call.chunk(1).exists()


@pytest.mark.parametrize("how", ["deleted", "expired"])
def test_a_session_that_another_process_ended_gets_no_manifest_from_one_that_has_it_cached_as_open(
    one: Ingest, other: Ingest, call: SessionDirectory, how: str
) -> None:
    one.store()
    ended_by(how, other, call)
    with pytest.raises((NotFound, Conflict)):
        one.finalize()
    assert not call.manifest.exists()


async def while_locked(call: SessionDirectory, waiter: Callable[[], object], meanwhile: Callable[[], object]) -> object:
    """Do something under the session's lock while another thread waits for it; returns what that one's call returns."""
    with acquire_lock(call.lock):
        waiting = asyncio.create_task(asyncio.to_thread(waiter))
        await until(lambda: waiting.done() or waits_for_lock(os.getpid()))
        meanwhile()
    return await waiting


async def test_a_session_deleted_while_its_manifest_waits_for_the_lock_gets_none(
    one: Ingest, call: SessionDirectory
) -> None:
    one.store()
    with pytest.raises(NotFound):
        await while_locked(call, one.finalize, call.deleted.touch)
    assert not call.manifest.exists()


async def test_a_session_that_gets_its_manifest_while_its_expiry_waits_for_the_lock_does_not_expire(
    one: Ingest, call: SessionDirectory
) -> None:
    one.store()

    def finalized() -> None:
        call.manifest.touch()
        aged(call)

    aged(call)
    assert not await while_locked(call, one.expire, finalized)
    assert not call.expired.exists()
    assert call.chunk(0).exists()


async def test_a_session_that_gets_a_chunk_while_its_expiry_waits_for_the_lock_does_not_expire(
    one: Ingest, call: SessionDirectory
) -> None:
    one.store()
    aged(call)
    assert not await while_locked(call, one.expire, lambda: call.chunk(1).write_bytes(b"chunk"))
    assert not call.expired.exists()
    assert call.chunk(1).exists()
