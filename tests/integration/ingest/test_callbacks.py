"""A main service that is down, broken, slow or hostile: told at least once all the same, and each time under one id."""

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
async def test_what_is_not_confirmed_is_sent_again_under_the_same_id_until_it_is(
    failure: int | Callable[[], Response] | None,
    spool: Path,
    nats_url: str,
    store_config: StoreConfig,
    receiver: MainService,
) -> None:
    receiver.answers = [failure, failure, 200]
    async with uploading(spool, nats_url, store_config, receiver, callback_timeout_seconds=0.3) as uploader:
        upload = await uploader.uploaded(SOUND)
        assert (await uploader.complete(upload, 1)).json()["message"] == COMPLETED
        await until(lambda: len(receiver.told) == 3)

        async def notified() -> bool:
            return NOTIFIED in (await uploader.complete(upload, 1)).text

        await until(notified)
    assert receiver.told[0] == receiver.told[1] == receiver.told[2]
    assert len(set(receiver.ids)) == 1
    assert receiver.strangers == []


async def test_an_answer_that_does_not_end_is_a_confirmation_all_the_same(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    receiver.answers = [endless]
    async with uploading(spool, nats_url, store_config, receiver) as uploader:
        upload = await uploader.uploaded(SOUND)
        assert (await uploader.complete(upload, 1)).json()["message"] == NOTIFIED
    assert len(receiver.told) == 1


async def test_a_receiver_that_is_not_there_delays_no_answer_and_is_told_when_it_comes(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    away = receiver.url.replace(receiver.url.split(":")[2].split("/")[0], str(free_ports(1)[0]))
    more = {"main_service_callback_url": away, "callback_first_retry_seconds": 0.05}
    settings = ingest_settings(spool, nats_url, store_config, **{**receiver.settings(), **more})
    async with ingest_running(settings) as pipeline:
        upload = await Uploader(pipeline).uploaded(SOUND)
        assert (await Uploader(pipeline).complete(upload, 1)).json()["message"] == COMPLETED
    async with uploading(spool, nats_url, store_config, receiver):
        await until(lambda: [notice["upload_session_id"] for notice in receiver.told] == [upload])


async def test_what_is_never_confirmed_is_given_up_and_published_and_complete_starts_anew(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService, bus: Bus
) -> None:
    receiver.answers = [500, 503, 418]
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
        assert len(receiver.told) == 3

        await uploader.complete(upload, 1)

        async def delivered() -> bool:
            return await last_event(bus, key, WebhookDelivered) is not None

        await until(delivered)
        assert (await uploader.complete(upload, 1)).json()["message"] == NOTIFIED
    assert len(receiver.told) == 4
    assert len(set(receiver.ids)) == 1


async def test_with_the_bus_away_the_callback_goes_out_once_and_its_event_later(
    tmp_path: Path, private_nats: NatsServer, store_config: StoreConfig, receiver: MainService
) -> None:
    spool = tmp_path / "spool"
    receiver.answers = [500, 200]
    async with (
        assembler_running(assembler_settings(spool, private_nats.url, store_config)),
        uploading(spool, private_nats.url, store_config, receiver, callback_first_retry_seconds=2.0) as uploader,
    ):
        upload = await uploader.uploaded(SOUND)
        assert (await uploader.complete(upload, 1)).json()["message"] == COMPLETED
        await private_nats.kill()
        await until(lambda: len(receiver.told) == 2)
        settled = uploader.pipeline.directory(upload).path / "callback.json"
        await until(settled.exists)
        await private_nats.start()
        async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
            await bus.wait_ready()

            async def published() -> bool:
                return await last_event(bus, SessionKey("default", upload), WebhookDelivered) is not None

            await until(published, within=20)
    assert len(receiver.told) == 2


async def test_without_a_callback_address_the_answer_says_completed_only(
    spool: Path, nats_url: str, store_config: StoreConfig
) -> None:
    async with ingest_running(ingest_settings(spool, nats_url, store_config)) as pipeline:
        upload = await Uploader(pipeline).uploaded(SOUND)
        assert (await Uploader(pipeline).complete(upload, 1)).json()["message"] == COMPLETED
    assert not (spool / ".callbacks").exists()


async def test_two_replicas_on_one_spool_tell_once(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    async with (
        uploading(spool, nats_url, store_config, receiver) as one,
        uploading(spool, nats_url, store_config, receiver) as other,
    ):
        uploads = [await one.uploaded(SOUND, file_id=number) for number in range(8)]
        answers = await asyncio.gather(
            *(replica.complete(upload, 1, number) for number, upload in enumerate(uploads) for replica in (one, other))
        )
        assert {answer.json()["message"] for answer in answers} == {NOTIFIED}
    assert sorted(str(notice["upload_session_id"]) for notice in receiver.told) == sorted(uploads)


async def test_a_receiver_that_hangs_gets_few_at_once_and_what_is_new_is_tried_before_what_failed(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    receiver.answers = [None] * 6
    more = {"callback_concurrency": 2, "callback_timeout_seconds": 1.0, "finalize_wait_seconds": 0.0}
    async with uploading(spool, nats_url, store_config, receiver, **more) as uploader:
        uploads = [await uploader.uploaded(SOUND, file_id=number) for number in range(6)]
        for number, upload in enumerate(uploads):
            assert (await uploader.complete(upload, 1, number)).status_code == 202
        await until(lambda: len(receiver.told) >= 6, within=20)
        assert {notice["upload_session_id"] for notice in receiver.told[:6]} == set(uploads)
        assert receiver.most_at_once == 2
        await until(lambda: len(receiver.told) == 12, within=20)


async def test_stopped_while_it_tells_it_ends_in_time_and_tells_again_at_the_next_start(
    spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    receiver.answers = [None]
    async with asyncio.timeout(20):
        async with uploading(spool, nats_url, store_config, receiver, finalize_wait_seconds=1.0) as uploader:
            upload = await uploader.uploaded(SOUND)
            assert (await uploader.complete(upload, 1)).status_code in {200, 202}
            await until(lambda: len(receiver.told) == 1)
        async with uploading(spool, nats_url, store_config, receiver):
            await until(lambda: len(receiver.told) == 2)
    assert receiver.ids[0] == receiver.ids[1]
