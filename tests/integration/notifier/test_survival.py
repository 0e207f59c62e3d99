"""Failures that the feed survives without losing an event, and readiness meanwhile."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from deploy.local.nats_server import NatsServer
from services.notifier.settings import NotifierSettings
from shared.domain.envelope import decode
from shared.domain.errors import Unavailable
from shared.domain.subjects import STREAM
from shared.messaging.bus import Bus
from tests.integration.notifier.serving import Notifier, connect_listener, frame_of, publishing, serving_notifier
from tests.unit.notifier.samples import failure, happened
from tests.waiting import until

QUERY = "?session_id=abc&events=audio_failed"


async def publish(bus: Bus, number: int) -> None:
    """Publish as our services do: retry until the event is stored."""

    async def stored() -> bool:
        try:
            await bus.publish(happened(failure(number), session="abc", identity=f"failure-{number}"))
        except Unavailable:
            return False
        return True

    await until(stored, within=20, what=f"event {number} is stored")


async def numbers(client: ClientConnection, count: int) -> list[int]:
    return [int((await frame_of(client))["reason"]) for _ in range(count)]


async def test_nothing_is_lost_or_repeated_when_the_bus_is_killed_and_started_again(private_nats: NatsServer) -> None:
    async with (
        serving_notifier(NotifierSettings(nats_url=private_nats.url)) as notifier,
        publishing(private_nats.url) as bus,
        connect_listener(notifier, QUERY) as client,
    ):
        receiving = asyncio.create_task(numbers(client, 60))
        for number in range(60):
            if number in {20, 40}:
                await private_nats.kill()
                await until(lambda: _unready(notifier), what="the notifier to be unready")
                await private_nats.start()
            await publish(bus, number)
        assert await receiving == list(range(60))
        await until(notifier.ready)


async def test_events_stored_while_the_notifier_is_disconnected_are_sent_afterwards(private_nats: NatsServer) -> None:
    async with (
        serving_notifier(NotifierSettings(nats_url=private_nats.url)) as notifier,
        publishing(private_nats.url) as bus,
        connect_listener(notifier, QUERY) as client,
    ):
        await publish(bus, 0)
        for number in range(1, 6):
            await _delete_consumers(bus.client)
            await publish(bus, number)
        assert await numbers(client, 6) == list(range(6))
        await until(notifier.ready)


async def _delete_consumers(client: Client) -> None:
    """Delete the feed's consumer, as an operator or a lost node would."""
    jetstream = client.jetstream()
    for consumer in await jetstream.consumers_info(STREAM):
        await jetstream.delete_consumer(STREAM, consumer.name)


async def test_a_lost_message_is_noticed_even_if_no_other_follows(private_nats: NatsServer) -> None:
    async with (
        serving_notifier(NotifierSettings(nats_url=private_nats.url)) as notifier,
        publishing(private_nats.url) as bus,
        connect_listener(notifier, QUERY) as client,
    ):
        loot = await _steal_one(bus.client)
        await publish(bus, 0)
        assert await numbers(client, 1) == [0]
        await publish(bus, 1)
        assert await numbers(client, 1) == [1]
        assert decode((await loot.next_msg(timeout=1)).data).event in {failure(0), failure(1)}


async def _steal_one(client: Client) -> Subscription:
    """Pull one message from the feed's consumer, so that the feed never gets it; returns where it arrives."""
    (consumer,) = await client.jetstream().consumers_info(STREAM)
    inbox = client.new_inbox()
    loot = await client.subscribe(inbox)
    request = b'{"batch":1,"expires":9000000000}'
    await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer.name}", request, reply=inbox)
    return loot


async def test_a_stream_created_again_is_sent_from_its_first_event(private_nats: NatsServer, tmp_path: Path) -> None:
    reborn = NatsServer(tmp_path / "reborn", private_nats.port)
    async with (
        serving_notifier(NotifierSettings(nats_url=private_nats.url)) as notifier,
        publishing(private_nats.url) as bus,
        connect_listener(notifier, QUERY) as client,
    ):
        await publish(bus, 0)
        await publish(bus, 1)
        assert await numbers(client, 2) == [0, 1]
        await private_nats.kill()
        async with reborn:
            await publish(bus, 2)
            assert await numbers(client, 1) == [2]


async def test_readiness_means_that_the_consumer_runs_and_listeners_are_rejected_before(
    private_nats: NatsServer,
) -> None:
    await private_nats.kill()
    settings = NotifierSettings(nats_url=private_nats.url)
    async with serving_notifier(settings, ready=False) as notifier:
        assert not await notifier.ready()
        with pytest.raises(InvalidStatus) as error:
            await connect(notifier.url, proxy=None)
        assert error.value.response.status_code == 503
        await private_nats.start()
        await until(notifier.ready)
        async with connect_listener(notifier):
            pass
        _signal(private_nats, signal.SIGSTOP)
        try:
            await until(lambda: _unready(notifier), what="a connection that stands still is noticed")
        finally:
            _signal(private_nats, signal.SIGCONT)
        await until(notifier.ready, within=20)


def _signal(server: NatsServer, number: signal.Signals) -> None:
    assert server.pid is not None
    os.kill(server.pid, number)


async def _unready(notifier: Notifier) -> bool:
    return not await notifier.ready()
