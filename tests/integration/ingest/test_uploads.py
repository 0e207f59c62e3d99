"""Indexed uploads on the whole road: stored as they were sent, a WAV beside them, the main service told."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from shared.bus import Bus, open_bus
from shared.events import WebhookDelivered
from shared.history import last_event
from shared.metrics import Metrics
from shared.objects import open_store
from shared.settings import BusConfig, StoreConfig
from shared.subjects import SessionKey
from tests.integration.audio_files import encoded, samples_of, strength
from tests.integration.ingest.main_service import MainService, main_service
from tests.integration.ingest.uploading import Uploader
from tests.integration.road import (
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)
from tests.waiting import until

NOTIFIED = "File upload completed and main service notified."
COMPLETED = "File upload completed."


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
        ingest_running(ingest_settings(spool, nats_url, store_config, **receiver.settings())) as road,
        assembler_running(assembler_settings(spool, nats_url, store_config)),
    ):
        yield Uploader(road)


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as opened:
        await opened.wait_ready()
        yield opened


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
        "original_file_name": "Sales_call.mp3",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    told = len(receiver.told)
    assert (await uploader.complete(upload, len(pieces), 77)).json() == answer.json()
    assert len(receiver.told) == told
    directory = uploader.road.directory(upload)
    await until(lambda: not directory.sizes(), what="the chunks are erased")
    assert uploader.road.leftovers() == []

    async def published() -> bool:
        event = await last_event(bus, SessionKey("default", upload), WebhookDelivered)
        return event is not None and event.event == WebhookDelivered(message_id=receiver.ids[-1], attempts=1)

    await until(published)


async def content_type(store: StoreConfig, key: str) -> str:
    async with open_store(store) as objects:
        answer = await objects._client.head_object(Bucket=store.bucket, Key=key)
        return answer["ContentType"]
