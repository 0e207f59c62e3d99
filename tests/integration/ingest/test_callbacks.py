"""A main service that is down, broken, slow or hostile gets each callback at least once, always under one id."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from deploy.local.nats_server import NatsServer
from deploy.local.ports import free_ports
from shared.domain.events import WebhookDelivered, WebhookFailed
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.main_service import MainService
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import (
    assembler_running,
    assembler_settings,
    ingest_running,
    ingest_settings,
)
from tests.waiting import until

NOTIFIED = "File upload completed and main service notified."
COMPLETED = "File upload completed."
SOUND = encoded("wav", 1.0)


@asynccontextmanager
async def uploading(
    spool: Path, nats_url: str, store: StoreConfig, receiver: MainService, **more: object
) -> AsyncIterator[Uploader]:
    settings = ingest_settings(spool, nats_url, store, **receiver.settings(**more))
    async with ingest_running(settings) as pipeline:
        yield Uploader(pipeline)


def redirect() -> Response:
    return RedirectResponse("/elsewhere", 307)


def endless() -> Response:
    async def drip() -> AsyncIterator[bytes]:
        yield b"confirmed, and more to come"
        await asyncio.Event().wait()

    return StreamingResponse(drip())


@pytest.mark.parametrize("failure", [500, 404, 302, redirect, None])
async def test_a_callback_is_sent_again_under_the_same_id_until_it_is_confirmed(
    failure: int | Callable[[], Response] | None,
    spool: Path,
    nats_url: str,
    store_config: StoreConfig,
    receiver: MainService,
) -> None:
    receiver.responses = [failure, failure, 200]
    async with uploading(spool, nats_url, store_config, receiver, callback_timeout_seconds=0.3) as uploader:
        upload = await uploader.uploaded(SOUND)
        assert (await uploader.complete(upload, 1)).json()["message"] == COMPLETED
        await until(lambda: len(receiver.notices) == 3)

        async def notified() -> bool:
            return NOTIFIED in (await uploader.complete(upload, 1)).text

        await until(notified)
    assert receiver.notices[0] == receiver.notices[1] == receiver.notices[2]
    assert len(set(receiver.ids)) == 1
    assert receiver.other_requests == []


async def test_a_response_whose_body_does_not_end_is_a_confirmation(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    receiver.responses = [endless]
    async with uploading(spool, nats_url, store_config, receiver) as uploader:
        upload = await uploader.uploaded(SOUND)
        assert (await uploader.complete(upload, 1)).json()["message"] == NOTIFIED
    assert len(receiver.notices) == 1


async def test_an_absent_receiver_delays_no_response_and_is_notified_when_it_is_back(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    away = receiver.url.replace(receiver.url.split(":")[2].split("/")[0], str(free_ports(1)[0]))
    more = {"main_service_callback_url": away, "callback_first_retry_seconds": 0.05}
    settings = ingest_settings(spool, nats_url, store_config, **{**receiver.settings(), **more})
    async with ingest_running(settings) as pipeline:
        upload = await Uploader(pipeline).uploaded(SOUND)
        assert (await Uploader(pipeline).complete(upload, 1)).json()["message"] == COMPLETED
    async with uploading(spool, nats_url, store_config, receiver):
        await until(lambda: [notice["upload_session_id"] for notice in receiver.notices] == [upload])


async def test_an_unconfirmed_callback_is_given_up_and_published_and_complete_starts_anew(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService, bus: Bus
) -> None:
    receiver.responses = [500, 503, 418]
    async with uploading(spool, nats_url, store_config, receiver, callback_tries=3) as uploader:
        upload = await uploader.uploaded(SOUND)
        assert (await uploader.complete(upload, 1)).json()["message"] == COMPLETED
        key = SessionKey("default", upload)

        async def given_up() -> object:
            event = await last_event(bus, key, WebhookFailed)
            return event and event.event

        assert await until(given_up) == WebhookFailed(
            message_id=receiver.ids[0], attempts=3, reason="the receiver answered 418"
        )
        pending = spool / ".callbacks" / f"default.{upload}"
        await until(lambda: not pending.exists())
        assert len(receiver.notices) == 3

        await uploader.complete(upload, 1)

        async def delivered() -> bool:
            return await last_event(bus, key, WebhookDelivered) is not None

        await until(delivered)
        assert (await uploader.complete(upload, 1)).json()["message"] == NOTIFIED
    assert len(receiver.notices) == 4
    assert len(set(receiver.ids)) == 1


async def test_with_the_bus_away_the_callback_is_sent_once_and_its_event_later(
    tmp_path: Path, private_nats: NatsServer, store_config: StoreConfig, receiver: MainService
) -> None:
    spool = tmp_path / "spool"
    receiver.responses = [500, 200]
    async with (
        assembler_running(assembler_settings(spool, private_nats.url, store_config)),
        uploading(spool, private_nats.url, store_config, receiver, callback_first_retry_seconds=2.0) as uploader,
    ):
        upload = await uploader.uploaded(SOUND)
        assert (await uploader.complete(upload, 1)).json()["message"] == COMPLETED
        await private_nats.kill()
        await until(lambda: len(receiver.notices) == 2)
        settled = uploader.pipeline.directory(upload).path / "callback.json"
        await until(settled.exists)
        await private_nats.start()
        async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
            await bus.wait_ready()

            async def published() -> bool:
                return await last_event(bus, SessionKey("default", upload), WebhookDelivered) is not None

            await until(published, within=20)
    assert len(receiver.notices) == 2


async def test_without_a_callback_address_the_response_says_completed_only(
    spool: Path, nats_url: str, store_config: StoreConfig
) -> None:
    async with ingest_running(ingest_settings(spool, nats_url, store_config)) as pipeline:
        upload = await Uploader(pipeline).uploaded(SOUND)
        assert (await Uploader(pipeline).complete(upload, 1)).json()["message"] == COMPLETED
    assert not (spool / ".callbacks").exists()


async def test_two_replicas_on_one_spool_send_one_callback(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    async with (
        uploading(spool, nats_url, store_config, receiver) as one,
        uploading(spool, nats_url, store_config, receiver) as other,
    ):
        uploads = [await one.uploaded(SOUND, file_id=number) for number in range(8)]
        responses = await asyncio.gather(
            *(replica.complete(upload, 1, number) for number, upload in enumerate(uploads) for replica in (one, other))
        )
        assert {response.json()["message"] for response in responses} == {NOTIFIED}
    assert sorted(str(notice["upload_session_id"]) for notice in receiver.notices) == sorted(uploads)


async def test_a_hung_receiver_gets_few_callbacks_at_once_and_new_ones_come_before_retries(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    receiver.responses = [None] * 6
    more = {"callback_concurrency": 2, "callback_timeout_seconds": 1.0, "finalize_wait_seconds": 0.0}
    async with uploading(spool, nats_url, store_config, receiver, **more) as uploader:
        uploads = [await uploader.uploaded(SOUND, file_id=number) for number in range(6)]
        for number, upload in enumerate(uploads):
            assert (await uploader.complete(upload, 1, number)).status_code == 202
        await until(lambda: len(receiver.notices) >= 6, within=20)
        assert {notice["upload_session_id"] for notice in receiver.notices[:6]} == set(uploads)
        assert receiver.max_concurrent == 2
        await until(lambda: len(receiver.notices) == 12, within=20)


async def test_stopped_during_a_callback_it_ends_in_time_and_sends_it_again_after_the_next_start(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    receiver.responses = [None]
    async with asyncio.timeout(20):
        async with uploading(spool, nats_url, store_config, receiver, finalize_wait_seconds=1.0) as uploader:
            upload = await uploader.uploaded(SOUND)
            assert (await uploader.complete(upload, 1)).status_code in {200, 202}
            await until(lambda: len(receiver.notices) == 1)
        async with uploading(spool, nats_url, store_config, receiver):
            await until(lambda: len(receiver.notices) == 2)
    assert receiver.ids[0] == receiver.ids[1]
