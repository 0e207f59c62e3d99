"""Abandoned sessions expire with an event and take no more chunks; old ended ones leave the spool."""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from deploy.local.nats_server import NatsServer
from shared.domain.envelope import Envelope, decode
from shared.domain.events import SessionExpired
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.storage.session_directory import SessionDirectory
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import tone
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.waiting import until

TTL = 3600.0
DAYS = 30


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


@pytest.fixture
def session() -> str:
    return uuid.uuid4().hex


def make_old(directory: SessionDirectory, seconds: float) -> None:
    """Set a session's timestamps to `seconds` ago."""
    moment = time.time() - seconds
    for path in [*directory.path.iterdir(), directory.path]:
        os.utime(path, (moment, moment))


async def expired_event(bus: Bus, session: str) -> Envelope | None:
    return await last_event(bus, SessionKey("default", session), SessionExpired)


async def expired(pipeline: Pipeline, session: str) -> bool:
    response = await pipeline.client.get(f"/sessions/{session}")
    return bool(response.status_code == 200 and response.json()["state"] == "expired")


async def test_an_abandoned_session_expires_with_an_event_and_takes_no_more_chunks(
    tmp_path: Path, nats_url: str, store_config: StoreConfig, bus: Bus, session: str
) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, session_ttl_seconds=TTL)
    async with ingest_running(settings) as pipeline:
        await pipeline.send(session, bytes(100))
        await pipeline.send(session, bytes(50))
        await pipeline.send("young" + session, bytes(50))
        make_old(pipeline.directory(session), TTL + 1)
    async with ingest_running(settings) as pipeline:
        directory = pipeline.directory(session)
        await until(directory.published.exists)
        event = await expired_event(bus, session)
        assert event is not None
        assert isinstance(event.event, SessionExpired)
        assert (event.event.chunks, event.event.bytes) == (2, 150)
        assert directory.chunk_sizes() == {}
        late = await pipeline.send(session, b"late")
        assert (late.status_code, late.json()["code"]) == (409, "expired")
        ended = await pipeline.finalize(session)
        assert (ended.status_code, ended.json()["code"]) == (409, "expired")
        status = (await pipeline.client.get(f"/sessions/{session}")).json()
        assert (status["state"], status["chunks"], status["bytes"]) == ("expired", 2, 150)
        assert status["error"]["code"] == "expired"
        assert (await pipeline.send("young" + session, bytes(50))).json()["total_chunks"] == 2
        assert pipeline.leftovers() == []
        deleted = await pipeline.client.delete(f"/sessions/{session}")
        assert (deleted.status_code, deleted.json()["verified"]) == (200, True)
        assert (await pipeline.client.get(f"/sessions/{session}")).status_code == 404


async def test_uploads_of_the_other_groups_expire_too_with_and_without_chunks(
    tmp_path: Path, nats_url: str, store_config: StoreConfig, bus: Bus
) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, session_ttl_seconds=TTL)
    call = new_call()
    async with ingest_running(settings) as pipeline:
        uploader, lead = Uploader(pipeline), LeadClient(pipeline.client)
        upload, empty = await uploader.uploaded(tone(1)), await uploader.opened()
        recording = await lead.init(call)
        for session in (upload, empty, recording):
            make_old(pipeline.directory(session), TTL + 1)
    async with ingest_running(settings) as pipeline:
        uploader, lead = Uploader(pipeline), LeadClient(pipeline.client, lead=lead.lead)
        for session in (upload, empty, recording):
            await until(pipeline.directory(session).published.exists)
            assert await expired(pipeline, session)
        assert (await uploader.chunk(upload, 1, b"late")).status_code == 409
        assert (await uploader.complete(upload, 1)).status_code == 409
        assert (await lead.append(recording, 1, b"late")).status_code == 409
        rejected = await lead.finalize(recording, 1, call)
        assert (rejected.status_code, rejected.json()["error"]["code"]) == (409, "CONFLICT")
        event = await expired_event(bus, recording)
        assert event is not None
        assert event.lead == lead.lead


async def test_an_expiry_while_the_bus_was_away_is_published_when_it_is_back(
    tmp_path: Path, private_nats: NatsServer, store_config: StoreConfig, session: str
) -> None:
    settings = ingest_settings(tmp_path, private_nats.url, store_config, session_ttl_seconds=TTL)
    async with ingest_running(settings) as pipeline:
        await pipeline.send(session, bytes(100))
        make_old(pipeline.directory(session), TTL + 1)
    await private_nats.kill()
    async with ingest_running(settings) as pipeline:
        await until(pipeline.directory(session).expired.exists)
        assert await expired(pipeline, session)
        assert not pipeline.directory(session).published.exists()
    await private_nats.start()
    async with ingest_running(settings) as pipeline:
        await until(pipeline.directory(session).published.exists)
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        assert await expired_event(bus, session) is not None


async def test_after_a_crash_between_record_and_deletion_an_expiry_is_completed_and_published_once(
    tmp_path: Path, nats_url: str, store_config: StoreConfig, bus: Bus, session: str
) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, session_ttl_seconds=TTL)
    messages: list[Envelope] = []

    async def on_message(message: Msg) -> None:
        messages.append(decode(message.data))

    await bus.subscribe(f"roomtone.v1.default.{session}.session.expired", on_message)
    async with ingest_running(settings) as pipeline:
        await pipeline.send(session, bytes(100))
        make_old(pipeline.directory(session), TTL + 1)
    async with ingest_running(settings) as pipeline:
        directory = pipeline.directory(session)
        await until(directory.published.exists)
    directory.published.unlink()
    directory.chunk(0).write_bytes(bytes(100))
    async with ingest_running(settings) as pipeline:
        await until(directory.published.exists)
        assert directory.chunk_sizes() == {}
    await until(lambda: len(messages) >= 1)
    assert len({item.id for item in messages}) == 1


async def test_a_chunk_at_the_last_moment_keeps_its_session_open(
    tmp_path: Path, nats_url: str, store_config: StoreConfig, session: str
) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, session_ttl_seconds=TTL)
    async with ingest_running(settings) as pipeline:
        await pipeline.send(session, bytes(100))
        make_old(pipeline.directory(session), TTL + 1)
        assert (await pipeline.send(session, bytes(100))).status_code == 200
    async with ingest_running(settings) as pipeline:
        await pipeline.send("other" + session, bytes(100))
        make_old(pipeline.directory("other" + session), TTL + 1)
    async with ingest_running(settings) as pipeline:
        await until(pipeline.directory("other" + session).published.exists)
        assert (await pipeline.send(session, bytes(100))).json()["total_chunks"] == 3


async def test_an_old_ended_session_leaves_the_spool_and_its_id_can_not_be_reused(
    tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig, session: str
) -> None:
    store = ascending_store_config
    settings = ingest_settings(tmp_path, nats_url, store, ended_session_days=DAYS)
    deleted = "deleted" + session
    async with ingest_running(settings) as pipeline, assembler_running(assembler_settings(tmp_path, nats_url, store)):
        for each in (session, deleted):
            await pipeline.send(each, tone(1))
        assert (await pipeline.finalize(session)).status_code == 200
        assert (await pipeline.client.delete(f"/sessions/{deleted}")).status_code == 200
        fresh = "fresh" + session
        await pipeline.send(fresh, tone(1))
        assert (await pipeline.finalize(fresh)).status_code == 200
        for each in (session, deleted):
            make_old(pipeline.directory(each), DAYS * 86_400 + 1)
    async with ingest_running(settings) as pipeline:
        await until(lambda: not pipeline.directory(session).exists() and not pipeline.directory(deleted).exists())
        assert pipeline.directory(fresh).result.exists()
        status = (await pipeline.client.get(f"/sessions/{session}")).json()
        assert (status["state"], status["chunks"], status["bytes"]) == ("ready", 1, len(tone(1)))
        assert (await pipeline.send(session, tone(1))).status_code == 409
        assert (await pipeline.send(deleted, tone(1))).status_code == 404
        assert (await pipeline.client.delete(f"/sessions/{session}")).json()["verified"]


async def test_a_session_that_the_catalog_does_not_have_stays_in_the_spool_however_old(
    tmp_path: Path, private_nats: NatsServer, ascending_store_config: StoreConfig, session: str
) -> None:
    store = ascending_store_config
    settings = ingest_settings(tmp_path, private_nats.url, store, session_ttl_seconds=TTL, ended_session_days=DAYS)
    async with (
        ingest_running(settings) as pipeline,
        assembler_running(assembler_settings(tmp_path, private_nats.url, store)),
    ):
        await pipeline.send(session, tone(1))
        assert (await pipeline.finalize(session)).status_code == 200
        await pipeline.send("abandoned", tone(1))
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        await bus.jetstream.delete_key_value("ROOMTONE_CATALOG")
    for each, age in ((session, DAYS * 86_400 + 1), ("abandoned", TTL + 1)):
        make_old(pipeline.directory(each), age)
    async with ingest_running(settings) as pipeline:
        await until(pipeline.directory("abandoned").published.exists)
        assert pipeline.directory(session).result.exists()


async def test_an_empty_directory_is_removed_without_an_event(
    tmp_path: Path, nats_url: str, store_config: StoreConfig, bus: Bus, session: str
) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, session_ttl_seconds=TTL)
    async with ingest_running(settings) as pipeline:
        directory = await asyncio.to_thread(pipeline.spool.create_directory, SessionKey("default", session))
        directory.lock.touch()
        make_old(directory, TTL + 1)
    async with ingest_running(settings) as pipeline:
        await until(lambda: not directory.exists())
        assert await expired_event(bus, session) is None
        assert (await pipeline.send(session, b"first")).json()["total_chunks"] == 1


async def test_the_status_of_an_expired_session_outlives_its_directory(
    tmp_path: Path, nats_url: str, store_config: StoreConfig, session: str
) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, session_ttl_seconds=TTL, ended_session_days=DAYS)
    async with ingest_running(settings) as pipeline:
        await pipeline.send(session, bytes(100))
        make_old(pipeline.directory(session), TTL + 1)
    async with ingest_running(settings) as pipeline:
        await until(pipeline.directory(session).published.exists)
        make_old(pipeline.directory(session), DAYS * 86_400 + 1)
    async with ingest_running(settings) as pipeline:
        await until(lambda: not pipeline.directory(session).exists())
        status = (await pipeline.client.get(f"/sessions/{session}")).json()
        assert (status["state"], status["chunks"], status["bytes"]) == ("expired", 1, 100)
        assert status["error"]["code"] == "expired"
        assert (await pipeline.send(session, b"late")).status_code == 409
