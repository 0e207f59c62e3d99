"""The streams of events on a real server: made when they are missing, and brought up to date from an older version."""

from nats.js.api import StorageType, StreamConfig

from deploy.local.nats_server import NatsServer
from shared.domain.events import ChunkReceived, SessionOpened
from shared.domain.subjects import PROGRESS_EVENTS, PROGRESS_STREAM, STORED_EVENTS, STREAM
from shared.messaging.bus import Bus, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from tests.unit.notifier.samples import happened

PROGRESS = ChunkReceived(chunk_index=0, size=1, sha256="0" * 64, total_chunks=1, total_size=1)


async def messages_on(bus: Bus, stream: str) -> int:
    return (await bus.jetstream.stream_info(stream)).state.messages


async def test_progress_has_a_stream_of_its_own_in_memory(private_nats: NatsServer) -> None:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        await bus.publish(happened(SessionOpened(), identity="opened"))
        await bus.publish(happened(PROGRESS, identity="progress"))
        assert (await messages_on(bus, STREAM), await messages_on(bus, PROGRESS_STREAM)) == (1, 1)
        progress = (await bus.jetstream.stream_info(PROGRESS_STREAM)).config
        assert progress.storage == StorageType.MEMORY
        assert progress.max_age is not None
        assert 0 < progress.max_age <= 600


async def test_the_stream_of_an_older_version_gives_progress_up_and_keeps_its_events_and_limits(
    private_nats: NatsServer,
) -> None:
    config = BusConfig(url=private_nats.url)
    async with open_bus(config, service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        for name in (STREAM, PROGRESS_STREAM):
            await bus.jetstream.delete_stream(name)
        older = StreamConfig(name=STREAM, subjects=["roomtone.v1.>"], max_bytes=50_000_000, allow_direct=True)
        await bus.jetstream.add_stream(older)
        await bus.publish(happened(PROGRESS, identity="progress-of-old"))
        await bus.publish(happened(SessionOpened(), identity="opened"))
    for _ in range(2):  # a second server finds all as it is to be
        async with open_bus(config, service="test", metrics=Metrics()) as bus:
            await bus.wait_ready()
            stored = await bus.jetstream.stream_info(STREAM)
            assert (stored.config.max_bytes, stored.state.messages) == (50_000_000, 2)
            assert set(stored.config.subjects or ()) == set(STORED_EVENTS)
            progress = await bus.jetstream.stream_info(PROGRESS_STREAM)
            assert tuple(progress.config.subjects or ()) == PROGRESS_EVENTS
