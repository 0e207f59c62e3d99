"""The work queue on a real bus: which jobs are retried, which are given up, and which faults it survives."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.nats_server import NatsServer
from shared.domain.envelope import encode, make_envelope
from shared.domain.errors import BadMedia, Unavailable
from shared.domain.events import SessionFinalized, SessionOpened
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import STREAM
from shared.messaging.bus import Bus, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from tests.integration.shared.recording_worker import QUEUE, RecordingWorker, publish_job, working
from tests.waiting import until


@pytest.fixture
async def bus(private_nats: NatsServer) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


async def unacknowledged(bus: Bus) -> int:
    info = await bus.jetstream.consumer_info(STREAM, QUEUE)
    return (info.num_ack_pending or 0) + (info.num_pending or 0)


async def test_a_handled_job_is_acknowledged_and_not_delivered_again(bus: Bus) -> None:
    worker = RecordingWorker()
    async with working(bus, worker):
        await publish_job(bus, "a")
        await publish_job(bus, "b")
        await until(lambda: len(worker.handled) == 2)

        async def settled() -> bool:
            return await unacknowledged(bus) == 0

        await until(settled)
    assert worker.handled == ["a", "b"]
    assert worker.given_up == []


async def test_a_job_with_a_passing_fault_is_retried_and_does_not_block_others(bus: Bus) -> None:
    worker = RecordingWorker({"a": [Unavailable("away"), RuntimeError("a bug")]})
    async with working(bus, worker):
        await publish_job(bus, "a")
        await publish_job(bus, "b")
        await until(lambda: worker.handled.count("a") == 3)
    assert worker.handled.count("b") == 1
    assert worker.given_up == []


async def test_a_job_that_fails_every_time_is_given_up_after_its_last_try(bus: Bus) -> None:
    worker = RecordingWorker({"a": [Unavailable("away", code="store_unreachable")] * 9})
    async with working(bus, worker):
        await publish_job(bus, "a")
        await until(lambda: worker.given_up)

        async def settled() -> bool:
            return await unacknowledged(bus) == 0

        await until(settled)
    assert worker.handled == ["a"] * 3
    assert worker.last_tries == [False, False, True]
    assert worker.given_up == [("a", "store_unreachable")]


async def test_a_job_that_can_never_succeed_is_given_up_at_once(bus: Bus) -> None:
    worker = RecordingWorker({"a": [BadMedia("noise")]})
    async with working(bus, worker):
        await publish_job(bus, "a")
        await until(lambda: worker.given_up == [("a", "bad_media")])
    assert worker.handled == ["a"]


async def test_a_job_that_crashed_its_process_at_every_try_is_given_up_without_another(bus: Bus) -> None:
    before = RecordingWorker()
    async with working(bus, before):
        await publish_job(bus, "before")
        await until(lambda: before.handled)
    await publish_job(bus, "killer")
    subscription = await bus.jetstream.pull_subscribe_bind(QUEUE, stream=STREAM)
    for _ in range(3):
        (message,) = await subscription.fetch(1, timeout=5)
        await message.nak()  # what the server does by itself once a dead process stops its heartbeats
    worker = RecordingWorker()
    async with working(bus, worker):
        await until(lambda: worker.given_up == [("killer", "crashed")])
    assert worker.handled == []


async def test_a_message_that_is_not_an_event_is_dead_lettered_and_the_next_is_handled(bus: Bus) -> None:
    worker = RecordingWorker()
    async with working(bus, worker):
        for payload in (b"not json", b"[" * 100_000):
            await bus.jetstream.publish("roomtone.v1.default.x.session.opened", payload)
        key = SessionKey("default", "y")
        of_another_tenant = encode(make_envelope("test", key, SessionOpened(), cause="x", trace=new_trace()))
        await bus.jetstream.publish("roomtone.v1.other.y.session.opened", of_another_tenant)
        await publish_job(bus, "a")
        await until(lambda: worker.handled == ["a"])


async def test_events_of_another_kind_do_not_reach_the_queue(bus: Bus) -> None:
    worker = RecordingWorker()
    other = SessionFinalized(manifest_sha256="0", chunks=1, bytes=1)
    async with working(bus, worker):
        key = SessionKey("default", "other")
        await bus.publish(make_envelope("test", key, other, cause="x", trace=new_trace()))
        await publish_job(bus, "a")
        await until(lambda: worker.handled)
    assert worker.handled == ["a"]


async def test_the_queue_goes_on_after_the_server_was_killed(bus: Bus, private_nats: NatsServer) -> None:
    worker = RecordingWorker()
    async with working(bus, worker):
        await publish_job(bus, "before")
        await until(lambda: worker.handled == ["before"])
        await private_nats.kill()
        await private_nats.start()
        await until(lambda: bus.connected)
        await publish_job(bus, "after")
        await until(lambda: "after" in worker.handled, within=20)


async def test_a_subscription_that_went_deaf_is_opened_again(bus: Bus) -> None:
    worker = RecordingWorker()
    async with working(bus, worker):
        await publish_job(bus, "before")
        await until(lambda: worker.handled == ["before"])
        responses = bytes(bus.client._resp_sub_prefix or b"").decode()
        for number, subscription in list(bus.client._subs.items()):
            if not subscription.subject.startswith(responses):
                await bus.client._send_unsubscribe(number)  # ended at the server, but not in the client
        await publish_job(bus, "after")
        await until(lambda: "after" in worker.handled, within=60)


async def test_a_consumer_that_was_deleted_at_the_server_is_created_again(bus: Bus) -> None:
    worker = RecordingWorker()
    async with working(bus, worker):
        await publish_job(bus, "before")
        await until(lambda: worker.handled == ["before"])
        await bus.jetstream.delete_consumer(STREAM, QUEUE)
        await publish_job(bus, "after")
        await until(lambda: "after" in worker.handled, within=60)


async def test_jobs_that_wait_for_their_next_try_do_not_block_the_others(bus: Bus) -> None:
    waiting = [f"waiting-{number}" for number in range(20)]
    worker = RecordingWorker({session: [Unavailable("The store is away.")] * 9 for session in waiting})
    async with working(bus, worker, first_retry=60.0):
        for session in [*waiting, "hale"]:
            await publish_job(bus, session)
        await until(lambda: "hale" in worker.handled, within=60)
    assert worker.handled == [*waiting, "hale"]
