"""When work is acknowledged, heard from the subject on which the queue does it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from deploy.local.nats_server import NatsServer
from shared.domain.envelope import Envelope
from shared.domain.subjects import STREAM
from shared.messaging.bus import Bus, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from tests.integration.shared.recording_worker import QUEUE, RecordingWorker, publish_job, working
from tests.waiting import until


class HoldingWorker(RecordingWorker):
    """A worker whose work takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.done = asyncio.Event()

    async def handle(self, job: Envelope, *, last_try: bool = False) -> None:
        await super().handle(job, last_try=last_try)
        await self.done.wait()


@pytest.fixture
async def bus(private_nats: NatsServer) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


@pytest.fixture
async def acknowledgements(bus: Bus) -> list[Msg]:
    """Every word that a consumer says of a message: done, not done, or still at it."""
    heard: list[Msg] = []

    async def hear(message: Msg) -> None:
        heard.append(message)

    await bus.subscribe(f"$JS.ACK.{STREAM}.{QUEUE}.>", hear)
    return heard


async def test_work_is_kept_alive_while_it_lasts_and_acknowledged_behind_it_with_an_answer_asked_for(
    bus: Bus, acknowledgements: list[Msg]
) -> None:
    worker = HoldingWorker()
    async with working(bus, worker, ack_wait=0.6):
        await publish_job(bus, "long")
        await until(lambda: len(acknowledgements) > 1)
        assert {message.data for message in acknowledgements} == {b"+WPI"}
        worker.done.set()
        await until(lambda: acknowledgements[-1].data in {b"", b"+ACK"})  # both mean that it is done
        assert acknowledgements[-1].reply


async def test_work_that_is_interrupted_is_given_back_at_once(bus: Bus, acknowledgements: list[Msg]) -> None:
    async with working(bus, interrupted := HoldingWorker(), ack_wait=60.0):
        await publish_job(bus, "interrupted")
        await until(lambda: interrupted.handled)
    await until(lambda: [message.data for message in acknowledgements] == [b"-NAK"])
    async with working(bus, following := RecordingWorker(), ack_wait=60.0):
        await until(lambda: following.handled == ["interrupted"])
