"""Indexed uploads through the whole pipeline: stored as they were sent, with a WAV beside, and a callback."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.domain.events import WebhookDelivered
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, last_event
from shared.storage.object_store import open_store
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded, samples_of, strength
from tests.integration.ingest.main_service import MainService, main_service
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import (
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)
from tests.waiting import until

NOTIFIED = "File upload completed and main service notified."


@pytest.fixture(scope="module")
async def receiver() -> AsyncIterator[MainService]:
    async with main_service() as service:
        yield service


@pytest.fixture(scope="module")
async def uploader(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> AsyncIterator[Uploader]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        ingest_running(ingest_settings(spool, nats_url, store_config, **receiver.settings())) as pipeline,
        assembler_running(assembler_settings(spool, nats_url, store_config)),
    ):
        yield Uploader(pipeline)


async def test_a_file_in_chunks_is_stored_unchanged_and_the_main_service_notified_before_the_response(
    uploader: Uploader, receiver: MainService, store_config: StoreConfig, bus: Bus
) -> None:
    content = encoded("mp3")
    pieces = [content[start : start + 7000] for start in range(0, len(content), 7000)]
    opened = await uploader.init(77, "Sales call.mp3")
    assert opened.json() == {
        "status": "success",
        "message": "Upload session initialized.",
        "data": {"upload_session_id": opened.json()["data"]["upload_session_id"]},
    }
    upload = opened.json()["data"]["upload_session_id"]
    responses = await asyncio.gather(*(uploader.chunk(upload, i, piece) for i, piece in reversed([*enumerate(pieces)])))
    for response in responses:
        assert response.json() == {"status": "success", "message": "Chunk uploaded successfully."}

    response = await uploader.complete(upload, len(pieces), 77)

    key = f"uploads/{upload}/Sales_call.mp3"
    url = f"{store_config.address}/{key}"
    assert response.json() == {
        "status": "success",
        "message": NOTIFIED,
        "data": {"file_path_on_upload_service": url},
    }
    assert await download(store_config, key) == content
    assert await content_type(store_config, key) == "audio/mpeg"
    samples = samples_of(await download(store_config, f"audio_{upload}.wav"))
    assert strength(samples[: 2 * 16000]) > 0.9
    assert receiver.notices[-1] == {
        "main_service_file_id": 77,
        "upload_session_id": upload,
        "file_path_on_upload_service": url,
        "original_file_name": "Sales call.mp3",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    count = len(receiver.notices)
    assert (await uploader.complete(upload, len(pieces), 77)).json() == response.json()
    assert len(receiver.notices) == count
    directory = uploader.pipeline.directory(upload)
    await until(lambda: not directory.chunk_sizes(), what="the chunks to be deleted")
    assert uploader.pipeline.leftovers() == []

    async def published() -> bool:
        event = await last_event(bus, SessionKey("default", upload), WebhookDelivered)
        return event is not None and event.event == WebhookDelivered(message_id=receiver.ids[-1], attempts=1)

    await until(published)


async def content_type(store: StoreConfig, key: str) -> str:
    async with open_store(store) as objects:
        response = await objects._client.head_object(Bucket=store.bucket, Key=key)
        return response["ContentType"]


async def test_fields_may_stand_after_the_file(uploader: Uploader, store_config: StoreConfig) -> None:
    upload = await uploader.opened(name="after.wav")
    content = encoded("wav", 1.0)
    file_part = b'--xyz\r\nContent-Disposition: form-data; name="chunk"; filename="a"\r\n\r\n' + content + b"\r\n"
    fields = "".join(
        f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("chunk_index", "0"), ("upload_session_id", upload))
    )
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    body = file_part + fields.encode() + b"--xyz--\r\n"
    assert (await uploader.pipeline.client.post("/upload/chunk", content=body, headers=headers)).status_code == 200
    assert (await uploader.complete(upload, 1)).json()["message"] == NOTIFIED
    assert await download(store_config, f"uploads/{upload}/after.wav") == content
    assert await content_type(store_config, f"uploads/{upload}/after.wav") == "audio/wav"


async def test_a_file_that_is_not_audio_is_stored_and_its_callback_sent(
    uploader: Uploader, receiver: MainService, store_config: StoreConfig
) -> None:
    upload = await uploader.uploaded(b"%PDF-1.7 nothing to hear here" * 100, name="contract.pdf")
    response = await uploader.complete(upload, 1)
    assert response.status_code == 200, response.text
    assert response.json()["message"] == NOTIFIED
    key = f"uploads/{upload}/contract.pdf"
    assert await download(store_config, key) == b"%PDF-1.7 nothing to hear here" * 100
    assert await content_type(store_config, key) == "application/pdf"
    assert receiver.notices[-1]["size_bytes"] == 2900
    assert (await uploader.complete(upload, 1)).json() == response.json()


async def test_an_upload_belongs_to_one_file_of_its_main_service(uploader: Uploader) -> None:
    upload = await uploader.uploaded(encoded("wav", 1.0))
    rejected = await uploader.complete(upload, 1, 124)
    assert rejected.status_code == 409
    assert rejected.json()["data"] is None
    assert rejected.json()["status"] == "error"
    assert (await uploader.complete(upload, 1, 123)).status_code == 200


async def test_gaps_are_listed_and_no_callback_is_sent_until_they_are_filled(
    uploader: Uploader, receiver: MainService
) -> None:
    content = encoded("wav", 1.0)
    upload = await uploader.opened()
    for index in (0, 2):
        await uploader.chunk(upload, index, content[index * 9000 : (index + 1) * 9000])
    rejected = await uploader.complete(upload, 4)
    assert rejected.status_code == 409
    assert "1, 3" in rejected.json()["message"]
    assert all(notice["upload_session_id"] != upload for notice in receiver.notices)
    await uploader.chunk(upload, 1, content[9000:18000])
    await uploader.chunk(upload, 3, content[27000:])
    assert (await uploader.complete(upload, 4)).json()["message"] == NOTIFIED


async def test_after_complete_another_chunk_and_another_count_are_conflicts(uploader: Uploader) -> None:
    upload = await uploader.uploaded(encoded("wav", 1.0))
    assert (await uploader.complete(upload, 1)).status_code == 200
    assert (await uploader.chunk(upload, 1, b"late")).status_code == 409
    assert (await uploader.complete(upload, 2)).status_code == 409


async def test_a_caller_that_does_not_wait_gets_202_and_the_callback_is_sent(
    uploader: Uploader, receiver: MainService
) -> None:
    upload = await uploader.uploaded(encoded("mp3"))
    response = await uploader.complete(upload, 1, Prefer="respond-async")
    assert response.status_code == 202
    assert response.json() == {
        "status": "processing",
        "message": "File upload accepted; it is being stored.",
        "data": None,
        "session_id": upload,
        "status_url": f"/sessions/{upload}",
    }
    assert response.headers["location"] == f"/sessions/{upload}"
    await until(lambda: any(notice["upload_session_id"] == upload for notice in receiver.notices))


async def test_concurrent_completes_get_the_same_response_and_one_callback(
    uploader: Uploader, receiver: MainService
) -> None:
    upload = await uploader.uploaded(encoded("mp3"))
    responses = await asyncio.gather(*(uploader.complete(upload, 1) for _ in range(10)))
    assert {response.text for response in responses} == {responses[0].text}
    assert responses[0].json()["message"] == NOTIFIED
    assert [notice["upload_session_id"] for notice in receiver.notices].count(upload) == 1


async def test_a_deleted_upload_is_not_found_on_any_route(uploader: Uploader) -> None:
    upload = await uploader.uploaded(encoded("wav", 1.0))
    assert (await uploader.complete(upload, 1)).status_code == 200
    assert (await uploader.pipeline.client.delete(f"/sessions/{upload}")).status_code == 200
    assert (await uploader.complete(upload, 1)).status_code == 404
    assert (await uploader.chunk(upload, 0, b"x")).status_code == 404
    pending = uploader.pipeline.spool.root / ".callbacks" / f"default.{upload}"
    await until(lambda: not pending.exists(), what="the pending callback to be removed")
    assert not (uploader.pipeline.directory(upload).path / "callback.json").exists()


async def test_an_absent_store_gives_503_and_completing_again_later_stores_and_notifies(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, receiver: MainService
) -> None:
    store = private_store.config("ascending")
    one_try = {"assembler_tries": 1}
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store, **receiver.settings())) as pipeline,
        assembler_running(assembler_settings(tmp_path, private_nats.url, store, **one_try)),
    ):
        uploader = Uploader(pipeline)
        upload = await uploader.uploaded(encoded("wav", 1.0))
        await private_store.kill()
        rejected = await uploader.complete(upload, 1)
        assert rejected.status_code == 503
        assert rejected.headers["retry-after"]
        assert set(rejected.json()) == {"status", "message", "code", "data"}
        assert all(notice["upload_session_id"] != upload for notice in receiver.notices)
        await private_store.start()
        assert (await uploader.complete(upload, 1)).json()["message"] == NOTIFIED
        assert await download(store, f"uploads/{upload}/audio.mp3") == encoded("wav", 1.0)
    assert [notice["upload_session_id"] for notice in receiver.notices].count(upload) == 1
