"""Engines stop and return: acknowledged chunks are never lost, and each result is published once."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from nats.aio.msg import Msg

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.domain.envelope import Envelope, decode, make_envelope
from shared.domain.events import AudioFailed, AudioReady, SessionFinalized
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from tests.integration.audio_files import encoded, samples_of, tone
from tests.integration.pipeline import (
    Pipeline,
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)
from tests.waiting import until


async def state_of(pipeline: Pipeline, session: str) -> str:
    state: str = (await pipeline.client.get(f"/sessions/{session}")).json()["state"]
    return state


async def status_of_end(pipeline: Pipeline, session: str) -> int:
    """Finalize, repeatedly while the bus is not reached yet; returns the status of the final response."""

    async def ended() -> int | None:
        status = (await pipeline.finalize(session)).status_code
        return None if status == 202 else status

    status = await until(ended, within=30)
    assert status is not None
    return status


@pytest.fixture
async def bus(private_nats: NatsServer) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


async def test_a_dead_bus_rejects_no_chunk_and_the_result_comes_after_its_return(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore
) -> None:
    store = object_store.config("ascending")
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(assembler_settings(tmp_path, private_nats.url, store)),
    ):
        assert (await pipeline.send("survivor", tone(1))).status_code == 200
        await private_nats.kill()
        assert (await pipeline.send("survivor", tone(1))).status_code == 200
        assert (await pipeline.finalize("survivor")).status_code == 202
        assert await state_of(pipeline, "survivor") == "finalized"

        await private_nats.start()

        async def ready() -> bool:
            return await state_of(pipeline, "survivor") == "ready"

        await until(ready, within=30)
        response = await pipeline.finalize("survivor")
        assert response.status_code == 200
        assert samples_of(await download(store, "audio_survivor.wav")) == tone(1) * 2


async def test_a_manifest_that_ingest_could_not_publish_is_published_after_its_restart(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore, bus: Bus
) -> None:
    store = object_store.config("ascending")
    await private_nats.kill()
    async with ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline:
        await pipeline.send("restarted", tone(1))
        assert (await pipeline.finalize("restarted")).status_code == 202
    await private_nats.start()
    async with ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline:
        await until(pipeline.directory("restarted").published.exists, within=20)
    await bus.wait_ready()
    published = await last_event(bus, SessionKey("default", "restarted"), SessionFinalized)
    assert published is not None


async def test_a_store_that_stays_away_ends_in_audio_failed_with_the_chunks_kept(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, bus: Bus
) -> None:
    store = private_store.config("ascending")
    await private_store.kill()
    settings = assembler_settings(tmp_path, private_nats.url, store, assembler_tries=2, assembler_retry_seconds=0.1)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        await pipeline.send("homeless", tone(1))
        response = await pipeline.finalize("homeless")
        assert response.status_code == 500
        assert set(response.json()) == {"status", "message", "code", "session_id"}
        assert "127.0.0.1" not in response.text
        failed = await last_event(bus, SessionKey("default", "homeless"), AudioFailed)
        assert failed is not None
        assert isinstance(failed.event, AudioFailed)
        assert (failed.event.code, failed.event.reason) == ("store_unreachable", response.json()["message"])
        assert len(pipeline.directory("homeless").chunk_sizes()) == 1


async def test_a_session_that_failed_because_the_store_was_away_is_retried_by_finalizing_again(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore
) -> None:
    store = private_store.config("ascending")
    await private_store.kill()
    settings = assembler_settings(tmp_path, private_nats.url, store, assembler_tries=1)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        await pipeline.send("second-chance", tone(1))
        assert (await pipeline.finalize("second-chance")).status_code == 500
        await private_store.start()
        assert (await pipeline.finalize("second-chance")).status_code == 200
        assert await state_of(pipeline, "second-chance") == "ready"
    assert samples_of(await download(store, "audio_second-chance.wav")) == tone(1)


async def test_a_decoder_that_is_killed_from_outside_costs_a_try_and_not_the_recording(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore
) -> None:
    store = object_store.config("ascending")
    program = tmp_path / "decoder"
    once = tmp_path / "once"
    program.write_text(f'#!/bin/sh\nmkdir {once} && kill -9 $$\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n')
    program.chmod(0o700)
    settings = assembler_settings(
        tmp_path / "spool", private_nats.url, store, ffmpeg_path=str(program), assembler_retry_seconds=0.1
    )
    async with (
        ingest_running(ingest_settings(tmp_path / "spool", private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        await pipeline.send("oom", encoded("wav"))
        assert (await pipeline.finalize("oom")).status_code == 200
    assert once.exists()


async def test_a_store_that_comes_back_in_time_costs_nothing_but_time(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore
) -> None:
    store = private_store.config("ascending")
    await private_store.kill()
    settings = assembler_settings(tmp_path, private_nats.url, store, assembler_retry_seconds=0.2)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store, finalize_wait_seconds=0)) as pipeline,
        assembler_running(settings) as assembler,
    ):
        await pipeline.send("patient", tone(1))
        assert (await pipeline.finalize("patient")).status_code == 202

        async def tried_once() -> bool:
            metrics = (await pipeline.client.get(f"{assembler}/metrics")).text
            return 'job_duration_seconds_count{outcome="retry"' in metrics

        await until(tried_once, within=30)
        await private_store.start()
        await until(pipeline.directory("patient").result.exists, within=30)
        assert samples_of(await download(store, "audio_patient.wav")) == tone(1)


async def test_a_job_delivered_again_after_its_end_publishes_the_same_under_the_same_id(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore, bus: Bus
) -> None:
    store = object_store.config("ascending")
    messages: list[Envelope] = []

    async def on_message(message: Msg) -> None:
        messages.append(decode(message.data))

    await bus.subscribe("roomtone.v1.default.again.audio.ready", on_message)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(assembler_settings(tmp_path, private_nats.url, store, assembler_retry_seconds=0.5)),
    ):
        await pipeline.send("again", tone(1))
        assert (await pipeline.finalize("again")).status_code == 200
        stored = pipeline.directory("again").read_manifest()
        assert stored is not None
        event = SessionFinalized(manifest_sha256=stored.sha256, chunks=1, bytes=32_000)
        key = SessionKey("default", "again")
        await bus.publish(make_envelope("test", key, event, cause="another id", trace=new_trace()))
        await until(lambda: len(messages) == 2)
    assert messages[0].id == messages[1].id
    assert messages[0].event == messages[1].event


async def test_events_on_the_bus_are_cloudevents_of_the_contract_and_carry_the_request(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore, bus: Bus
) -> None:
    store = object_store.config("ascending")
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(assembler_settings(tmp_path, private_nats.url, store)),
    ):
        await pipeline.send("spoken", tone(1))
        traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        headers = {"X-Request-ID": "call-7", "traceparent": traceparent}
        await pipeline.client.post("/finalize/spoken", headers=headers)
        seen = {}
        for event in ("session.opened", "chunk.received", "session.finalized", "audio.ready"):
            stream = "ROOMTONE_PROGRESS" if event == "chunk.received" else "ROOMTONE"
            message = await bus.jetstream.get_last_msg(stream, f"roomtone.v1.default.spoken.{event}")
            document = json.loads(message.data or b"")
            assert document["type"] == f"roomtone.v1.{event}"
            assert document["specversion"] == "1.0"
            assert document["subject"] == "spoken"
            assert document["datacontenttype"] == "application/json"
            assert document["time"].endswith("Z")
            assert (message.headers or {})["Nats-Msg-Id"] == document["id"]
            seen[event] = document
    for event in ("session.finalized", "audio.ready"):
        assert (seen[event]["requestid"], seen[event]["traceparent"]) == ("call-7", traceparent)
    assert seen["chunk.received"]["data"]["chunk_index"] == 0
    assert seen["audio.ready"]["data"]["filename"] == "audio_spoken.wav"


@pytest.mark.parametrize("seconds", [1, 60])  # hashed with the first read, and beside decoding
async def test_a_chunk_changed_on_disk_fails_the_session(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore, bus: Bus, seconds: int
) -> None:
    session, sound = f"rotten-{seconds}", tone(seconds)
    store = object_store.config("ascending")
    async with ingest_running(ingest_settings(tmp_path, private_nats.url, store, finalize_wait_seconds=0)) as pipeline:
        await pipeline.send(session, sound)
        await pipeline.finalize(session)
        pipeline.directory(session).chunk(0).write_bytes(sound[:-2] + b"xx")
        async with assembler_running(assembler_settings(tmp_path, private_nats.url, store)):
            await until(pipeline.directory(session).result.exists, within=20)
    key = SessionKey("default", session)
    failed = await last_event(bus, key, AudioFailed)
    assert failed is not None
    assert isinstance(failed.event, AudioFailed)
    assert failed.event.code == "corrupt_chunk"
    assert await last_event(bus, key, AudioReady) is None
    assert not (object_store.bucket_folder / f"audio_{session}.wav").exists()


async def test_objects_of_a_store_that_does_not_sync_are_synced_in_its_folder(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore
) -> None:
    store = object_store.config("ascending")
    elsewhere = tmp_path / "not-the-stores-folder"
    elsewhere.mkdir()
    for folder, status in ((elsewhere, 500), (object_store.bucket_folder, 200)):
        spool = tmp_path / str(status)
        settings = assembler_settings(spool, private_nats.url, store, store_folder=folder, assembler_tries=1)
        async with (
            ingest_running(ingest_settings(spool, private_nats.url, store)) as pipeline,
            assembler_running(settings),
        ):
            await pipeline.send(f"synced-{status}", tone(1))
            assert await status_of_end(pipeline, f"synced-{status}") == status
            directory = pipeline.directory(f"synced-{status}")
            await until(directory.result.exists)  # the response may come earlier
            left = 0 if status == 200 else 1
            await until(lambda directory=directory, left=left: len(directory.chunk_sizes()) == left)  # type: ignore[misc]


async def test_a_stream_deleted_under_a_running_system_is_created_again(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore, bus: Bus
) -> None:
    store = object_store.config("ascending")
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(assembler_settings(tmp_path, private_nats.url, store)),
    ):
        await pipeline.send("stays", tone(1))
        await bus.jetstream.delete_stream("ROOMTONE")
        assert (await pipeline.finalize("stays")).status_code in {200, 202}
        await until(pipeline.directory("stays").result.exists, within=60)
    assert samples_of(await download(store, "audio_stays.wav")) == tone(1)
