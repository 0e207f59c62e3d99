"""The fan-out of events to listeners."""

import json
from collections.abc import Mapping

import pytest

from services.notifier.hub import Hub
from services.notifier.listener import CloseReason, Listener
from services.notifier.subscription import Subscription
from shared.domain.errors import Unavailable
from shared.domain.events import SessionOpened
from shared.observability.metrics import Metrics
from tests.unit.notifier.samples import AUDIO_READY, analysis, chunk, happened

EVERYTHING = Subscription("default")


def hub_of(metrics: Metrics, *, max_clients: int = 10, max_buffered: int = 1000) -> Hub:
    hub = Hub(max_clients=max_clients, max_buffered=max_buffered, heartbeat_seconds=15, metrics=metrics)
    hub.set_position(41)
    return hub


async def received(client: Listener) -> list[Mapping[str, object]]:
    """Take all frames out of a client's queue and return them."""
    frames = []
    while client.buffered:
        frames.append(json.loads(await client.next() or ""))
    return frames


async def names(client: Listener) -> list[object]:
    return [frame["event"] for frame in await received(client)]


async def test_hello_comes_first_with_the_current_cursor() -> None:
    hub = hub_of(Metrics())
    with hub.register(EVERYTHING) as client:
        hub.broadcast(42, happened(AUDIO_READY))
        hello, event = await received(client)
    assert (hello["event"], hello["id"], hello["heartbeat_seconds"]) == ("hello", "41", 15)
    assert (event["event"], event["id"]) == ("audio_ready", "42")


async def test_each_listener_gets_what_it_subscribed_to() -> None:
    hub = hub_of(Metrics())
    progress = Subscription("default", frozenset({"a"}), frozenset({"chunk_received"}))
    with (
        hub.register(EVERYTHING) as all_of_it,
        hub.register(progress) as progress_of_a,
        hub.register(Subscription("other")) as stranger,
    ):
        hub.broadcast(42, happened(chunk(), session="a"))
        hub.broadcast(43, happened(chunk(), session="b"))
        hub.broadcast(44, happened(analysis(), session="b"))
        assert await names(all_of_it) == ["hello", "analysis_ready"]
        assert await names(progress_of_a) == ["hello", "chunk_received"]
        assert await names(stranger) == ["hello"]


async def test_an_event_without_a_frame_still_moves_the_cursor() -> None:
    hub = hub_of(Metrics())
    with hub.register(EVERYTHING) as client:
        hub.broadcast(50, happened(SessionOpened()))
        hub.broadcast_heartbeat()
        _, heartbeat = await received(client)
    assert (heartbeat["event"], heartbeat["id"]) == ("heartbeat", "50")


async def test_two_listeners_share_one_encoded_frame() -> None:
    hub = hub_of(Metrics())
    with hub.register(EVERYTHING) as one, hub.register(EVERYTHING) as two:
        hub.broadcast(42, happened(AUDIO_READY))
        _, _ = await one.next(), await two.next()
        assert await one.next() is await two.next()


async def test_a_listener_with_a_full_queue_is_closed_and_counted_and_the_others_go_on() -> None:
    metrics = Metrics()
    hub = hub_of(metrics, max_buffered=500)
    with hub.register(EVERYTHING) as slow, hub.register(EVERYTHING) as quick:
        for sequence in range(42, 52):
            hub.broadcast(sequence, happened(AUDIO_READY))
            assert (await names(quick))[-1] == "audio_ready"
        assert slow.close_reason is CloseReason.TOO_SLOW
        assert slow.buffered == 0
        assert quick.close_reason is None
    assert metrics.registry.get_sample_value("ws_dropped_total", {"reason": "too_slow"}) == 1


async def test_a_listener_closed_at_shutdown_is_sent_retry_after() -> None:
    hub = hub_of(Metrics())
    with hub.register(EVERYTHING) as client:
        hub.close(client, CloseReason.GOING_AWAY)
        _, farewell = await received(client)
    assert farewell["event"] == "retry_after"
    assert isinstance(farewell["retry_after"], float)
    assert 1 <= farewell["retry_after"] <= 10


async def test_connections_are_counted_while_open_and_rejected_over_the_limit() -> None:
    metrics = Metrics()
    hub = hub_of(metrics, max_clients=1)
    with hub.register(EVERYTHING):
        assert metrics.registry.get_sample_value("ws_connections") == 1
        with pytest.raises(Unavailable, match="Too many"), hub.register(EVERYTHING):
            pass
    assert metrics.registry.get_sample_value("ws_connections") == 0
    with hub.register(EVERYTHING):
        pass


async def test_listeners_are_rejected_before_the_position_on_the_stream_is_known() -> None:
    hub = Hub(max_clients=1, max_buffered=1000, heartbeat_seconds=15, metrics=Metrics())
    hub.broadcast_heartbeat()
    with pytest.raises(Unavailable), hub.register(EVERYTHING):
        pass
