"""The group commit owns a chunk's file from the moment at which it is handed over."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.ingest.intake.admission import Admission
from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget
from services.ingest.intake.disk_reserve import DiskReserve
from services.ingest.intake.group_commit import GroupCommit
from services.ingest.intake.staged_chunk import StagedChunk
from services.ingest.intake.sync_threads import SyncThreads
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.identifiers import SessionKey
from shared.storage.durable_files import TemporaryFile
from shared.storage.lock_files import acquire_lock
from shared.storage.spool import Spool
from tests.processes import waits_for_lock
from tests.waiting import until

MINE, OTHERS = b"my chunk" * 100, b"another upload's bytes"


async def test_a_request_that_is_cancelled_twice_during_its_commit_stores_its_own_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    directory = spool.create_directory(SessionKey("default", "call"))
    with ThreadPoolExecutor(4) as executor, SyncThreads(4) as syncs:
        quota = TenantQuota(spool, executor, 0)
        admission = Admission(DiskReserve(tmp_path, 0), quota, max_uploads=9, max_per_tenant=0)
        chunks = ChunkStore(spool, SessionCache(), quota, max_session_size=10_000)
        commits = GroupCommit(chunks, executor, syncs, workers=1, on_durable=lambda _seconds: None)

        async def store() -> None:
            with admission.reserve("default", len(MINE)) as reservation:
                async with StagedChunk(spool.temporaries, executor, reservation) as staged:
                    await staged.write(MINE)
                    await commits.commit(ChunkTarget(directory.key, 0), staged)

        with acquire_lock(directory.lock):  # the batch stops right before it gives the name
            storing = asyncio.create_task(store())
            await until(lambda: waits_for_lock(os.getpid()), what="the batch to wait for the session's lock")
            while not storing.done():  # the first cancellation waits for the batch, the second one does not
                storing.cancel()
                await asyncio.wait([storing], timeout=0.05)
            other = TemporaryFile(spool.temporaries)  # takes the lowest descriptor that is free
            other.write([OTHERS])
        await until(lambda: directory.chunk(0).exists(), what="the chunk to get its name")
    assert directory.chunk(0).read_bytes() == MINE
    other.discard()
