"""Dead letters: a job that a queue gives up is stored once, with its reason, until it is retried or purged."""

from collections.abc import AsyncIterator

import pytest
from nats.js.api import RawStreamMsg

from deploy.local.nats_server import NatsServer
from shared.domain.envelope import encode, make_envelope
from shared.domain.errors import BadMedia, InvalidInput, Unavailable
from shared.domain.events import SessionFinalized, SessionOpened
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import DEAD_STREAM, STREAM
from shared.messaging.bus import Bus, open_bus
from shared.messaging.dead_letters import DeadLetter, DeadLetters
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from tests.integration.shared.recording_worker import QUEUE, RecordingWorker, publish_job, working
from tests.waiting import until

FINALIZED = SessionFinalized(manifest_sha256="0", chunks=1, bytes=1)
AWAY = Unavailable("The store is away.", code="store_unreachable")


@pytest.fixture
async def bus(private_nats: NatsServer) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


async def letters(bus: Bus, queue: str = QUEUE) -> list[DeadLetter]:
    return [letter async for letter in DeadLetters(bus).list_queue(queue)]


async def last(bus: Bus, subject: str) -> RawStreamMsg:
    return await bus.jetstream.get_last_msg(STREAM, subject)


async def test_a_job_that_exhausts_its_tries_is_stored_with_its_reason_and_counted(bus: Bus) -> None:
    metrics = Metrics()
    worker = RecordingWorker({"a": [AWAY] * 9, "b": [BadMedia("Noise.")]})
    async with working(bus, worker, metrics=metrics):
        await publish_job(bus, "a")
        await publish_job(bus, "b")
        await until(lambda: len(worker.given_up) == 2)
        await until(
            lambda: metrics.registry.get_sample_value(
                "dead_letters_total", {"stage": QUEUE, "reason": "store_unreachable"}
            )
        )
    one, other = sorted(await letters(bus), key=lambda letter: letter.key.session)
    assert (one.code, one.reason, one.retryable, one.tries) == (AWAY.code, AWAY.message, True, 3)
    assert (other.code, other.reason, other.retryable, other.tries) == ("bad_media", "Noise.", False, 1)
    assert one.subject == "roomtone.v1.default.a.session.opened"
    assert one.payload == (await last(bus, one.subject)).data


async def test_a_failure_that_can_not_be_published_at_first_is_one_letter_with_its_first_reason(bus: Bus) -> None:
    worker = RecordingWorker({"a": [AWAY] * 9}, give_up_failures=[Unavailable("Also away.")] * 4)
    async with working(bus, worker, first_retry=0.01):  # doubled six times
        await publish_job(bus, "a")
        await until(lambda: worker.given_up)
    assert worker.given_up == [("a", "store_unreachable")]
    assert worker.handled == ["a"] * 3
    (letter,) = await letters(bus)
    assert (letter.code, letter.reason, letter.retryable) == (AWAY.code, AWAY.message, True)
    assert (await bus.jetstream.stream_info(DEAD_STREAM)).state.messages == 1


async def test_a_message_that_is_not_an_event_is_stored_too_and_one_too_large_only_in_part(bus: Bus) -> None:
    worker = RecordingWorker()
    async with working(bus, worker):
        for payload in (b"not json", b"x" * 1_000_000):
            await bus.jetstream.publish("roomtone.v1.default.x.session.opened", payload)
        await publish_job(bus, "a")
        await until(lambda: worker.handled == ["a"])
    small, large = await letters(bus)
    assert (small.payload, small.whole, small.code) == (b"not json", True, "not_an_event")
    assert not large.whole
    with pytest.raises(InvalidInput):
        await DeadLetters(bus).retry(large)
    assert large in await letters(bus)


async def test_a_retried_event_reaches_the_queue_again_unchanged_and_its_letter_is_gone(bus: Bus) -> None:
    worker = RecordingWorker({"a": [BadMedia("Noise.")]})
    async with working(bus, worker):
        await publish_job(bus, "a")
        await until(lambda: worker.given_up)
        (letter,) = await until(lambda: letters(bus))
        await DeadLetters(bus).retry(letter)
        await until(lambda: len(worker.handled) == 2)
    assert worker.jobs[0] == worker.jobs[1]
    assert await letters(bus) == []


async def test_a_retried_finalize_is_one_new_event_even_if_the_command_is_run_twice(bus: Bus) -> None:
    worker = RecordingWorker({"a": [BadMedia("Noise.")]})
    async with working(bus, worker, kind=SessionFinalized):
        await bus.publish(make_envelope("test", SessionKey("default", "a"), FINALIZED, cause="x", trace=new_trace()))
        await until(lambda: worker.given_up)
        (letter,) = await until(lambda: letters(bus))
        for _ in range(2):
            await DeadLetters(bus).retry(letter)
        await bus.publish(make_envelope("test", SessionKey("default", "b"), FINALIZED, cause="x", trace=new_trace()))
        await until(lambda: "b" in worker.handled)
    first, again, _ = worker.jobs
    assert first.id != again.id
    assert (first.event, first.key, first.trace) == (again.event, again.key, again.trace)
    assert await letters(bus) == []


async def test_a_job_that_fails_again_after_a_retry_leaves_a_letter_again(bus: Bus) -> None:
    worker = RecordingWorker({"a": [BadMedia("Noise."), BadMedia("Still noise.")]})
    async with working(bus, worker):
        await publish_job(bus, "a")
        (letter,) = await until(lambda: letters(bus))
        await DeadLetters(bus).retry(letter)

        async def second() -> list[DeadLetter]:
            return [found for found in await letters(bus) if found.reason == "Still noise."]

        await until(second)
    assert len(await letters(bus)) == 1


async def test_a_session_s_letters_are_purged_in_every_queue_and_no_others(bus: Bus) -> None:
    dead_letters = DeadLetters(bus)
    await dead_letters.purge_session(SessionKey("default", "a"))  # before there is any
    for tenant, session in (("default", "a"), ("default", "ab"), ("other", "a")):
        payload = encode(
            make_envelope("test", SessionKey(tenant, session), SessionOpened(), cause="x", trace=new_trace())
        )
        for queue in (QUEUE, "elsewhere"):
            await dead_letters.store(
                DeadLetter(
                    id="1",
                    queue=queue,
                    subject=f"roomtone.v1.{tenant}.{session}.session.opened",
                    payload=payload,
                    whole=True,
                    code="x",
                    reason="x",
                    retryable=False,
                    tries=1,
                    died_at="2026-01-01T00:00:00Z",
                )
            )
    await dead_letters.purge_session(SessionKey("default", "a"))
    for queue in (QUEUE, "elsewhere"):
        left = [letter.key for letter in await letters(bus, queue)]
        assert left == [SessionKey("default", "ab"), SessionKey("other", "a")]
