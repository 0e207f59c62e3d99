"""Registers objects in the bucket as documents, and reads them again; no assembler runs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.object_store import RcloneStore
from shared.domain.clock import now
from shared.domain.envelope import decode
from shared.domain.events import DocumentRegistered
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import event_archive_key
from shared.domain.subjects import STREAM, event_subject
from shared.domain.upload_kind import RegisteredDocument
from shared.messaging.bus import Bus, last_event
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.direct_uploads import DOCUMENTS, PHOTO, Uploader, get, put
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings
from tests.waiting import until


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), nats_url, store_config, **token_settings())
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture
def acme(pipeline: Pipeline) -> Uploader:
    return Uploader(pipeline, bearer(tenant_id="acme"))


async def times_published(bus: Bus, document: str) -> int:
    subject = event_subject(SessionKey("acme", document), DocumentRegistered.NAME)
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=subject)
    return (info.state.subjects or {}).get(subject, 0)


async def test_a_file_in_the_bucket_becomes_a_document_whose_event_is_published_and_archived(
    acme: Uploader, bus: Bus, object_store: RcloneStore
) -> None:
    file = await acme.uploaded()
    response = await acme.register(file)
    assert response.status_code == 201
    document = response.json()
    assert response.headers["location"] == f"{DOCUMENTS}{document['id']}/"
    registered_members = {"filename", "file_path", "file_size", "mime_type"}
    assert {name: document[name] for name in registered_members} == file
    assert set(document) == registered_members | {"id", "created_at", "session_id", "status_url"}
    assert abs(datetime.fromisoformat(document["created_at"]) - now()) < timedelta(seconds=10)

    key = SessionKey("acme", document["id"])
    event = await last_event(bus, key, DocumentRegistered)
    assert event is not None
    assert isinstance(event.event, DocumentRegistered)
    assert (event.event.object_key, event.event.is_audio) == (file["file_path"], False)
    kept = object_store.bucket_folder / event_archive_key(key, DocumentRegistered.NAME)
    assert decode(kept.read_bytes()).event == event.event


async def test_a_document_is_read_from_a_url_that_expires(
    tmp_path: Path, nats_url: str, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, cloudflare_r2_signed_url_expiry=3)
    async with ingest_running(settings) as pipeline:
        client = Uploader(pipeline, {})
        document = await client.registered()
        response = await client.read(document["id"])
        found = response.json()
        assert (await get(found["download_url"])).content == PHOTO
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert {name: found[name] for name in document} == document
    assert set(found) == document.keys() | {"download_url", "expires_at"}
    over = datetime.fromisoformat(found["expires_at"]) + timedelta(seconds=1)
    await until(lambda: now() > over)
    assert (await get(found["download_url"])).status_code in {400, 403}


async def test_a_document_in_a_public_bucket_has_a_public_url(
    tmp_path: Path, nats_url: str, store_config: StoreConfig
) -> None:
    public = "https://recordings.example.com"
    async with ingest_running(
        ingest_settings(tmp_path, nats_url, store_config, cloudflare_r2_public_url=public)
    ) as pipeline:
        client = Uploader(pipeline, {})
        document = await client.registered()
        found = (await client.read(document["id"])).json()
        assert found["public_url"] == f"{public}/{document['file_path']}"
        assert (await get(found["download_url"])).content == PHOTO


async def test_both_paths_work_without_their_trailing_slash(acme: Uploader) -> None:
    file = await acme.uploaded()
    registered = await acme.pipeline.client.post(DOCUMENTS.rstrip("/"), json=file, headers=acme.headers)
    assert registered.status_code == 201
    found = await acme.pipeline.client.get(f"{DOCUMENTS}{registered.json()['id']}", headers=acme.headers)
    assert (found.status_code, found.json()["filename"]) == (200, "receipt.jpg")


@pytest.mark.parametrize("kind", ["image/jpeg", "audio/mpeg"])
async def test_registered_twice_it_is_the_same_document(acme: Uploader, bus: Bus, kind: str) -> None:
    file = await acme.uploaded(content_type=kind)
    first, second = await acme.register(file), await acme.register(file)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert await times_published(bus, first.json()["id"]) == 1


@pytest.mark.parametrize("kind", ["image/jpeg", "audio/mpeg"])
async def test_registered_twenty_times_at_once_it_is_one_document(acme: Uploader, bus: Bus, kind: str) -> None:
    file = await acme.uploaded(content_type=kind)
    responses = await asyncio.gather(*(acme.register(file) for _ in range(20)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.text for response in responses}) == 1
    assert await times_published(bus, responses[0].json()["id"]) == 1


@pytest.mark.parametrize("kind", ["image/jpeg", "audio/mpeg"])
async def test_of_twenty_concurrent_registrations_with_different_names_one_wins(acme: Uploader, kind: str) -> None:
    file = await acme.uploaded(content_type=kind)
    responses = await asyncio.gather(*(acme.register(file | {"filename": f"{n}.jpg"}) for n in range(20)))
    won = [response for response in responses if response.status_code == 201]
    assert sorted(response.status_code for response in responses) == [201] + [409] * 19
    found = (await acme.read(won[0].json()["id"])).json()
    assert found["filename"] == won[0].json()["filename"]


@pytest.mark.parametrize(
    "other",
    [{"filename": "other.jpg"}, {"mime_type": "image/png"}, {"mime_type": "audio/mpeg"}, {"file_size": 5}],
    ids=str,
)
@pytest.mark.parametrize("kind", ["image/jpeg", "audio/ogg"])
async def test_registered_again_with_other_data_it_is_a_conflict_and_unchanged(
    acme: Uploader, kind: str, other: dict[str, object]
) -> None:
    file = await acme.uploaded(content_type=kind)
    document = (await acme.register(file)).json()
    response = await acme.register(file | other)
    assert response.status_code == 409
    assert set(response.json()) == {"success", "error", "code"}
    assert (await acme.read(document["id"])).json()["mime_type"] == kind


async def test_a_recordings_manifest_is_durable_under_the_documents_id(acme: Uploader) -> None:
    document = await acme.registered(encoded("ogg"), filename="Anruf 7.ogg", content_type="application/ogg")
    directory = acme.pipeline.spool.session(SessionKey("acme", document["id"]))
    stored = directory.read_manifest()
    assert stored is not None
    manifest = stored.manifest
    assert (manifest.chunks, manifest.opened_at) == ((), document["created_at"])
    assert manifest.original is not None
    assert (manifest.original.object_key, manifest.original.in_bucket) == (document["file_path"], True)
    assert isinstance(manifest.purpose, RegisteredDocument)
    assert manifest.purpose.filename == document["filename"] == "Anruf_7.ogg"
    assert directory.published.exists()
    status = await acme.pipeline.client.get(document["status_url"], headers=acme.headers)
    assert (status.status_code, status.json()["state"]) == (200, "finalized")


@pytest.mark.parametrize(
    ("kind", "name", "recording"),
    [
        ("audio/mpeg", "x", True),
        ("AUDIO/MPEG", "x", True),
        ("audio/webm; codecs=opus", "x", True),
        ("video/webm", "x", True),
        ("video/mp4", "x", True),
        ("application/octet-stream", "call.MP3", True),
        ("application/octet-stream", "call.bin", False),
        ("image/jpeg", "call.mp3", False),
        ("video/quicktime", "x", False),
        ("text/plain", "x", False),
    ],
)
async def test_a_recording_is_recognized_by_its_type_or_without_one_by_its_extension(
    acme: Uploader, kind: str, name: str, *, recording: bool
) -> None:
    document = await acme.registered(content_type=kind, filename=name)
    assert acme.pipeline.spool.session(SessionKey("acme", document["id"])).manifest.exists() is recording


@pytest.mark.parametrize("kind", ["image/jpeg", "audio/mpeg"])
async def test_a_deleted_document_is_gone_and_can_not_be_registered_again(
    acme: Uploader, object_store: RcloneStore, kind: str
) -> None:
    signed = await acme.signed(content_type=kind)
    await put(signed["upload_url"], PHOTO, signed["headers"])
    file = {"filename": "a", "file_path": signed["object_key"], "file_size": len(PHOTO), "mime_type": kind}
    document = (await acme.register(file)).json()
    deleted = await acme.pipeline.client.delete(document["status_url"], headers=acme.headers)
    assert deleted.status_code == 200
    assert file["file_path"] in deleted.json()["deleted"]
    assert not (object_store.bucket_folder / signed["object_key"]).exists()
    assert (await acme.read(document["id"])).status_code == 404
    assert (await acme.register(file)).status_code == 404
    await put(signed["upload_url"], PHOTO, signed["headers"])
    assert (await acme.register(file)).status_code == 404
    assert (await acme.read(document["id"])).status_code == 404
