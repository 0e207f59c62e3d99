"""Indexed uploads on the whole road: stored as they were sent, a WAV beside them, the main service told."""

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


async def test_a_file_in_pieces_is_stored_as_it_was_and_the_main_service_told_before_the_answer(
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
    answers = await asyncio.gather(*(uploader.chunk(upload, i, piece) for i, piece in reversed([*enumerate(pieces)])))
    for answer in answers:
        assert answer.json() == {"status": "success", "message": "Chunk uploaded successfully."}

    answer = await uploader.complete(upload, len(pieces), 77)

    key = f"uploads/{upload}/Sales_call.mp3"
    url = f"{store_config.address}/{key}"
    assert answer.json() == {
        "status": "success",
        "message": NOTIFIED,
        "data": {"file_path_on_upload_service": url},
    }
    assert await download(store_config, key) == content
    assert await content_type(store_config, key) == "audio/mpeg"
    samples = samples_of(await download(store_config, f"audio_{upload}.wav"))
    assert strength(samples[: 2 * 16000]) > 0.9
    assert receiver.told[-1] == {
        "main_service_file_id": 77,
        "upload_session_id": upload,
        "file_path_on_upload_service": url,
        "original_file_name": "Sales call.mp3",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    told = len(receiver.told)
    assert (await uploader.complete(upload, len(pieces), 77)).json() == answer.json()
    assert len(receiver.told) == told
    directory = uploader.pipeline.directory(upload)
    await until(lambda: not directory.chunk_sizes(), what="the chunks are erased")
    assert uploader.pipeline.leftovers() == []

    async def published() -> bool:
        event = await last_event(bus, SessionKey("default", upload), WebhookDelivered)
        return event is not None and event.event == WebhookDelivered(message_id=receiver.ids[-1], attempts=1)

    await until(published)


async def content_type(store: StoreConfig, key: str) -> str:
    async with open_store(store) as objects:
        answer = await objects._client.head_object(Bucket=store.bucket, Key=key)
        return answer["ContentType"]


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


async def test_what_is_not_audio_is_stored_and_told_all_the_same(
    uploader: Uploader, receiver: MainService, store_config: StoreConfig
) -> None:
    upload = await uploader.uploaded(b"%PDF-1.7 nothing to hear here" * 100, name="contract.pdf")
    answer = await uploader.complete(upload, 1)
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == NOTIFIED
    key = f"uploads/{upload}/contract.pdf"
    assert await download(store_config, key) == b"%PDF-1.7 nothing to hear here" * 100
    assert await content_type(store_config, key) == "application/pdf"
    assert receiver.told[-1]["size_bytes"] == 2900
    assert (await uploader.complete(upload, 1)).json() == answer.json()


async def test_an_upload_belongs_to_its_main_services_file(uploader: Uploader) -> None:
    upload = await uploader.uploaded(encoded("wav", 1.0))
    refused = await uploader.complete(upload, 1, 124)
    assert refused.status_code == 409
    assert refused.json()["data"] is None
    assert refused.json()["status"] == "error"
    assert (await uploader.complete(upload, 1, 123)).status_code == 200


async def test_gaps_are_named_and_nobody_is_told_until_they_are_filled(
    uploader: Uploader, receiver: MainService
) -> None:
    content = encoded("wav", 1.0)
    upload = await uploader.opened()
    for index in (0, 2):
        await uploader.chunk(upload, index, content[index * 9000 : (index + 1) * 9000])
    refused = await uploader.complete(upload, 4)
    assert refused.status_code == 409
    assert "1, 3" in refused.json()["message"]
    assert all(notice["upload_session_id"] != upload for notice in receiver.told)
    await uploader.chunk(upload, 1, content[9000:18000])
    await uploader.chunk(upload, 3, content[27000:])
    assert (await uploader.complete(upload, 4)).json()["message"] == NOTIFIED


async def test_after_complete_a_chunk_is_late_and_another_count_disagrees(uploader: Uploader) -> None:
    upload = await uploader.uploaded(encoded("wav", 1.0))
    assert (await uploader.complete(upload, 1)).status_code == 200
    assert (await uploader.chunk(upload, 1, b"late")).status_code == 409
    assert (await uploader.complete(upload, 2)).status_code == 409


async def test_who_does_not_wait_is_answered_202_and_the_main_service_is_told_all_the_same(
    uploader: Uploader, receiver: MainService
) -> None:
    upload = await uploader.uploaded(encoded("mp3"))
    answer = await uploader.complete(upload, 1, Prefer="respond-async")
    assert answer.status_code == 202
    assert answer.json() == {
        "status": "processing",
        "message": "File upload accepted; it is being stored.",
        "data": None,
        "session_id": upload,
        "status_url": f"/sessions/{upload}",
    }
    assert answer.headers["location"] == f"/sessions/{upload}"
    await until(lambda: any(notice["upload_session_id"] == upload for notice in receiver.told))


async def test_the_callers_of_complete_that_come_at_once_get_one_answer_and_one_callback(
    uploader: Uploader, receiver: MainService
) -> None:
    upload = await uploader.uploaded(encoded("mp3"))
    answers = await asyncio.gather(*(uploader.complete(upload, 1) for _ in range(10)))
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json()["message"] == NOTIFIED
    assert [notice["upload_session_id"] for notice in receiver.told].count(upload) == 1


async def test_a_deleted_upload_is_gone_for_every_caller(uploader: Uploader) -> None:
    upload = await uploader.uploaded(encoded("wav", 1.0))
    assert (await uploader.complete(upload, 1)).status_code == 200
    assert (await uploader.pipeline.client.delete(f"/sessions/{upload}")).status_code == 200
    assert (await uploader.complete(upload, 1)).status_code == 404
    assert (await uploader.chunk(upload, 0, b"x")).status_code == 404
    pending = uploader.pipeline.spool.root / ".callbacks" / f"default.{upload}"
    await until(lambda: not pending.exists(), what="nothing of it is left to tell")
    assert not (uploader.pipeline.directory(upload).path / "callback.json").exists()


async def test_a_store_that_is_away_is_503_and_completing_again_later_stores_and_tells(
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
        refused = await uploader.complete(upload, 1)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert set(refused.json()) == {"status", "message", "code", "data"}
        assert all(notice["upload_session_id"] != upload for notice in receiver.told)
        await private_store.start()
        assert (await uploader.complete(upload, 1)).json()["message"] == NOTIFIED
        assert await download(store, f"uploads/{upload}/audio.mp3") == encoded("wav", 1.0)
    assert [notice["upload_session_id"] for notice in receiver.told].count(upload) == 1
