"""Documents through the pipeline: a recording becomes a WAV, any other file stays as it is."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.domain.events import AudioReady
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import STREAM, session_filter
from shared.domain.upload_kind import RegisteredDocument
from shared.messaging.bus import Bus, last_event
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded, samples_of, strength
from tests.integration.ingest.direct_uploads import PHOTO, Uploader, get, put
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.waiting import until


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, ascending_store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        ingest_running(ingest_settings(spool, nats_url, ascending_store_config)) as pipeline,
        assembler_running(assembler_settings(spool, nats_url, ascending_store_config)),
    ):
        yield pipeline


@pytest.fixture
def client(pipeline: Pipeline) -> Uploader:
    return Uploader(pipeline, {})


async def ended(client: Uploader, document: str) -> dict[str, object]:
    async def status() -> dict[str, object] | None:
        found: dict[str, object] = (await client.pipeline.client.get(f"/sessions/{document}")).json()
        return found if found["state"] in {"ready", "failed"} else None

    found = await until(status, within=30)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("form", "name", "kind"),
    [
        ("mp3", "call.mp3", "audio/mpeg"),
        ("m4a", "call.m4a", "audio/mp4"),
        ("webm", "call", "video/webm"),
        ("ogg", "call.ogg", "application/ogg"),
        ("flac", "call.flac", "application/octet-stream"),
    ],
)
async def test_a_recording_becomes_a_wav_beside_the_original(
    client: Uploader, bus: Bus, form: str, name: str, kind: str
) -> None:
    content = encoded(form)
    document = await client.registered(content, filename=name, content_type=kind)
    status = await ended(client, document["id"])
    assert status["state"] == "ready", status
    key = SessionKey("default", document["id"])
    envelope = await until(lambda: last_event(bus, key, AudioReady), what="the event, which the catalog is ahead of")
    assert envelope is not None
    ready = envelope.event
    assert isinstance(ready, AudioReady)
    assert ready.original is not None
    assert ready.intake is not None
    assert (ready.original.object_key, ready.original.content_type) == (document["file_path"], kind)
    assert ready.original.sha256 == hashlib.sha256(content).hexdigest()
    assert isinstance(ready.intake.purpose, RegisteredDocument)
    assert ready.intake.opened_at == document["created_at"]
    audio, original = status["audio"], status["original"]
    assert isinstance(audio, dict)
    assert isinstance(original, dict)
    assert strength(samples_of((await get(audio["download_url"])).content)) > 0.9
    assert (await get(original["download_url"])).content == content
    assert (await client.read(document["id"])).json()["filename"] == document["filename"]


async def test_a_picture_is_stored_and_not_assembled(client: Uploader, bus: Bus, object_store: RcloneStore) -> None:
    document = await client.registered(PHOTO)
    behind = await client.registered(encoded("mp3"), filename="call.mp3", content_type="audio/mpeg")
    await ended(client, behind["id"])
    subject = session_filter(SessionKey("default", document["id"]))
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=subject)
    assert [name.split(".", 4)[4] for name in info.state.subjects or {}] == ["document.registered"]
    assert not (object_store.bucket_folder / f"audio_{document['id']}.wav").exists()
    status = (await client.pipeline.client.get(document["status_url"])).json()
    assert (status["state"], status["audio"], status["bytes"]) == ("ready", None, len(PHOTO))
    assert (await get((await client.read(document["id"])).json()["download_url"])).content == PHOTO


async def test_a_document_with_an_audio_type_but_no_audio_stays_without_a_wav(
    client: Uploader, object_store: RcloneStore
) -> None:
    document = await client.registered(PHOTO, filename="call.mp3", content_type="audio/mpeg")
    status = await ended(client, document["id"])
    assert status["state"] == "failed"
    assert isinstance(status["error"], dict)
    assert status["error"]["code"] == "not_audio"
    assert not (object_store.bucket_folder / f"audio_{document['id']}.wav").exists()
    found = await client.read(document["id"])
    assert (await get(found.json()["download_url"])).content == PHOTO


async def test_a_recording_that_is_replaced_by_a_longer_one_before_assembly_is_not_assembled(
    tmp_path: Path, private_nats: NatsServer, ascending_store_config: StoreConfig
) -> None:
    place = tmp_path, private_nats.url, ascending_store_config
    async with ingest_running(ingest_settings(*place)) as pipeline:
        client = Uploader(pipeline, {})
        await until(client.connected)
        signed = await client.signed(filename="call.mp3", content_type="audio/mpeg")
        registered = encoded("mp3")
        assert (await put(signed["upload_url"], registered, signed["headers"])).status_code == 200
        file = {"filename": "call.mp3", "file_path": signed["object_key"], "mime_type": "audio/mpeg"}
        document = (await client.register(file | {"file_size": len(registered)})).json()
        assert (await put(signed["upload_url"], registered * 100, signed["headers"])).status_code == 200
        async with assembler_running(assembler_settings(*place)):
            status = await ended(client, document["id"])
        assert pipeline.leftovers() == []
    assert isinstance(status["error"], dict)
    assert (status["state"], status["error"]["code"]) == ("failed", "object_changed")


async def test_deleting_a_recording_deletes_its_wav_and_its_original(
    client: Uploader, object_store: RcloneStore
) -> None:
    document = await client.registered(encoded("mp3"), filename="call.mp3", content_type="audio/mpeg")
    await ended(client, document["id"])
    response = await client.pipeline.client.delete(document["status_url"])
    assert response.status_code == 200
    deleted_keys = response.json()["deleted"]
    assert {document["file_path"], f"audio_{document['id']}.wav"} <= set(deleted_keys)
    assert [key for key in deleted_keys if (object_store.bucket_folder / key).exists()] == []
    assert (await client.read(document["id"])).status_code == 404
    assert (await client.pipeline.client.get(document["status_url"])).status_code == 404
