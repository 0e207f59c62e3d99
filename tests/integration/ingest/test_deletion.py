"""Everything of a session is deleted and verified, whatever happens meanwhile."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.object_store import RcloneStore
from shared.catalog.event_store import EventStore, open_event_store
from shared.domain.envelope import make_envelope
from shared.domain.events import AnalysisCompleted
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import STREAM, session_filter
from shared.messaging.bus import Bus
from shared.observability.trace import new_trace
from shared.storage.lock_files import acquire_lock, try_lock
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.settings import StoreConfig
from shared.storage.spool import Deletion
from tests.integration.audio_files import tone
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings
from tests.waiting import until

OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def pipeline(tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    async with (
        ingest_running(ingest_settings(tmp_path, nats_url, ascending_store_config)) as pipeline,
        assembler_running(assembler_settings(tmp_path, nats_url, ascending_store_config)),
    ):
        yield pipeline


@pytest.fixture
async def store(ascending_store_config: StoreConfig) -> AsyncIterator[ObjectStore]:
    async with open_store(ascending_store_config) as store:
        yield store


@pytest.fixture
def event_store(bus: Bus, store: ObjectStore) -> EventStore:
    return open_event_store(bus, store, replicas=1)


async def published_names(bus: Bus, session: str) -> set[str]:
    subject = session_filter(SessionKey("default", session))
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=subject)
    return {name.split(".", 4)[4] for name in info.state.subjects or {}}


async def stored(pipeline: Pipeline, session: str) -> None:
    await pipeline.send(session, tone(1))
    assert (await pipeline.finalize(session)).status_code == 200


def in_spool(pipeline: Pipeline, session: str) -> set[str]:
    return {path.name for path in pipeline.directory(session).path.iterdir()}


async def test_a_stored_session_is_deleted_everywhere_and_the_receipt_lists_it(
    pipeline: Pipeline, bus: Bus, event_store: EventStore, object_store: RcloneStore
) -> None:
    await stored(pipeline, "unwanted")
    response = await pipeline.client.delete("/sessions/unwanted")
    assert response.status_code == 200
    receipt = response.json()
    assert set(receipt) == {"session_id", "deleted", "chunks", "verified", "sha256", "timestamp"}
    assert receipt["deleted"] == ["audio_unwanted.wav", ".roomtone/default/unwanted/audio.ready.json"]
    assert receipt["verified"] is True
    assert [key for key in receipt["deleted"] if (object_store.bucket_folder / key).exists()] == []
    assert await event_store.is_deleted(SessionKey("default", "unwanted"))
    assert await published_names(bus, "unwanted") == {"session.deleted"}
    assert in_spool(pipeline, "unwanted") <= {".lock", ".working", "deleted"}


async def test_the_receipts_hash_is_over_the_rest_of_it(pipeline: Pipeline) -> None:
    await stored(pipeline, "hashed")
    receipt = (await pipeline.client.delete("/sessions/hashed")).json()
    claimed = receipt.pop("sha256")
    canonical = json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode()).hexdigest() == claimed


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sessions/"),
        ("DELETE", "/sessions/"),
        ("POST", "/finalize/"),
        ("POST", "/upload_chunk/"),
    ],
)
async def test_a_deleted_session_is_not_found_anywhere(pipeline: Pipeline, method: str, path: str) -> None:
    session = f"gone-{uuid.uuid4().hex}"
    await pipeline.send(session, tone(1))
    await pipeline.client.delete(f"/sessions/{session}")
    headers = {"Content-Type": "application/octet-stream"}
    response = await pipeline.client.request(method, path + session, content=tone(1), headers=headers)
    assert response.status_code == 404
    assert pipeline.directory(session).chunk_sizes() == {}
    assert pipeline.leftovers() == []


async def test_a_session_that_is_still_receiving_loses_its_chunks(pipeline: Pipeline) -> None:
    await pipeline.send("young", tone(1))
    response = await pipeline.client.delete("/sessions/young")
    assert response.status_code == 200
    assert (response.json()["deleted"], response.json()["chunks"]) == ([], 1)
    assert pipeline.directory("young").chunk_sizes() == {}


async def test_an_unknown_session_is_not_found_and_leaves_no_trace(pipeline: Pipeline) -> None:
    assert (await pipeline.client.delete("/sessions/never")).status_code == 404
    assert not pipeline.directory("never").path.exists()
    assert (await pipeline.client.delete("/sessions/..%2fx")).status_code == 400


async def test_a_deletion_waits_for_work_in_progress_while_the_session_is_hidden(pipeline: Pipeline) -> None:
    await pipeline.send("worked-on", tone(1))
    working = try_lock(pipeline.directory("worked-on").work_lock)
    assert working is not None
    deleting = asyncio.create_task(pipeline.client.delete("/sessions/worked-on"))
    await until(pipeline.directory("worked-on").deleted.exists)
    assert (await pipeline.client.get("/sessions/worked-on")).status_code == 404
    assert not deleting.done()
    working.release()
    assert (await deleting).status_code == 200


async def test_twenty_concurrent_deletions_give_one_receipt(pipeline: Pipeline) -> None:
    await stored(pipeline, "contested")
    responses = await asyncio.gather(*(pipeline.client.delete("/sessions/contested") for _ in range(20)))
    assert sorted(response.status_code for response in responses) == [200] + [404] * 19


async def test_a_score_that_comes_after_the_deletion_is_not_published(
    pipeline: Pipeline, bus: Bus, event_store: EventStore, store: ObjectStore
) -> None:
    await stored(pipeline, "late-score")
    await pipeline.client.delete("/sessions/late-score")
    score = AnalysisCompleted(
        temperature=50, confidence=1, analysis_summary="", timestamp="", scorer="test", transcriber="test"
    )
    key = SessionKey("default", "late-score")
    assert not await event_store.append(make_envelope("analyzer", key, score, cause="x", trace=new_trace()))
    assert await published_names(bus, "late-score") == set()
    assert [name async for name in store.list_keys(".roomtone/default/late-score/")] == []
    assert (await pipeline.client.get("/sessions/late-score")).status_code == 404


async def test_a_deletion_that_a_crash_interrupted_is_resumed(
    tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig, object_store: RcloneStore
) -> None:
    settings = ingest_settings(tmp_path, nats_url, ascending_store_config)
    async with ingest_running(settings) as pipeline:
        async with assembler_running(assembler_settings(tmp_path, nats_url, ascending_store_config)):
            await stored(pipeline, "cut-short")
        pipeline.spool.begin_deletion(pipeline.directory("cut-short"), Deletion(("audio_cut-short.wav",)))
    assert (object_store.bucket_folder / "audio_cut-short.wav").exists()
    async with ingest_running(settings) as pipeline:
        await until(lambda: not (object_store.bucket_folder / "audio_cut-short.wav").exists())
        await until(lambda: pipeline.spool.deletions() == [])
        assert (await pipeline.client.get("/sessions/cut-short")).status_code == 404


async def test_a_session_with_an_interrupted_deletion_takes_no_more_chunks_from_a_process_that_cached_it(
    tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig
) -> None:
    async with ingest_running(ingest_settings(tmp_path, nats_url, ascending_store_config)) as pipeline:
        await pipeline.send("halfway", b"first")
        await asyncio.to_thread(
            pipeline.spool.begin_deletion, pipeline.directory("halfway"), Deletion(())
        )  # and crashed
        assert (await pipeline.client.delete("/sessions/halfway")).status_code == 200
        again = await pipeline.client.post("/upload_chunk/halfway?chunk_index=0", content=b"first", headers=OCTETS)
        assert again.status_code == 404
    assert pipeline.directory("halfway").chunk_sizes() == {}


async def test_a_session_that_another_process_removed_is_not_taken_for_the_cached_one(
    tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig
) -> None:
    async with ingest_running(ingest_settings(tmp_path, nats_url, ascending_store_config)) as pipeline:
        await pipeline.send("removed", b"first")
        directory = pipeline.directory("removed")
        with acquire_lock(directory.lock) as lock:
            pipeline.spool.remove_session(directory, lock)
        responses = [
            await pipeline.client.post("/upload_chunk/removed", content=b"next", headers=OCTETS) for _ in range(2)
        ]
    assert [response.status_code for response in responses] == [503, 200]  # the first response has checked the catalog
    assert responses[0].json()["code"] == "busy"
    assert responses[1].json()["total_chunks"] == 1


async def test_an_absent_store_delays_the_receipt_but_the_session_is_hidden_at_once(
    tmp_path: Path, nats_url: str, private_store: RcloneStore
) -> None:
    store = private_store.config("ascending")
    async with ingest_running(ingest_settings(tmp_path, nats_url, store)) as pipeline:
        async with assembler_running(assembler_settings(tmp_path, nats_url, store)):
            await stored(pipeline, "stubborn")
        await private_store.kill()
        response = await pipeline.client.delete("/sessions/stubborn")
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert (await pipeline.client.get("/sessions/stubborn")).status_code == 404
        await private_store.start()
        response = await pipeline.client.delete("/sessions/stubborn")
        assert response.status_code == 200
        assert "audio_stubborn.wav" in response.json()["deleted"]


async def test_another_tenants_session_can_not_be_deleted(
    tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path, nats_url, ascending_store_config, **token_settings())
    async with ingest_running(settings) as pipeline:
        mine, other = bearer(tenant_id="mine"), bearer(tenant_id="other")
        octets = {"Content-Type": "application/octet-stream"}
        await pipeline.client.post("/upload_chunk/private", content=tone(1), headers={**mine, **octets})
        foreign = await pipeline.client.delete("/sessions/private", headers=other)
        missing = await pipeline.client.delete("/sessions/missing", headers=other)
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json() | {"session_id": ""} == missing.json() | {"session_id": ""}
        assert (await pipeline.client.get("/sessions/private", headers=mine)).status_code == 200
