"""Work queues on JetStream: one durable pull consumer a kind of work (architecture, "Work queues")."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from shared.domain.envelope import Envelope, UndecodableEventError, decode_on_subject
from shared.domain.errors import Permanent, RoomtoneError, Unavailable
from shared.domain.subjects import STREAM
from shared.messaging.bus import Bus
from shared.messaging.dead_letters import DeadLetters, dead_letter_from
from shared.observability.metrics import Metrics
from shared.observability.trace import set_current_trace

log = structlog.stdlib.get_logger(__name__)

_FETCH_SECONDS = 5.0
_ACK_TIMEOUT = 5.0
_LONGEST_RETRY = 300.0
_PAUSE = 0.5
_MOST_PENDING = 10_000  # work that waits for its next try counts as pending: a low limit would let it block all other


class Worker(Protocol):
    """What a queue calls for each piece of work."""

    async def handle(self, job: Envelope) -> None:
        """Do the work and publish its result; runs again after a crash, so it must come out the same.

        Raise Permanent for work that can never succeed; anything else is tried again later.
        """

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Publish the failed event of work that will not be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolicy:
    """How a queue treats its work; delays in seconds, doubled with each try, jittered, at most five minutes.

    After `quiet` seconds without work the server is asked whether there is any, since pull subscriptions can go deaf
    (nats.py#504).
    """

    durable: str
    subject: str
    concurrency: int
    max_tries: int = 5
    first_retry: float = 5.0
    ack_wait: float = 30.0
    idle_check_seconds: float = 30.0


class WorkQueue:
    """Takes one message for each free hand, and acknowledges it last.

    Acknowledges (waiting for the server) what was handled; terminates what is permanent or has used up its
    tries, after its dead letter and its failed event are stored, in this order; gives back the rest with a growing
    delay. The server's own delivery limit is off: it drops silently, so tries are counted here, crashes of the process
    included. What is no event becomes a letter alone.
    """

    def __init__(self, bus: Bus, policy: QueuePolicy, worker: Worker, metrics: Metrics) -> None:
        self._bus = bus
        self._policy = policy
        self._worker = worker
        self._metrics = metrics
        self._dead = DeadLetters(bus)

    def workers(self) -> list[Coroutine[None, None, None]]:
        """Return the queue's hands, to be run beside each other; cancelled, they give unfinished work back at once."""
        return [self._run_worker() for _ in range(self._policy.concurrency)]

    async def _run_worker(self) -> None:
        while True:
            await self._bus.wait_ready()
            try:
                subscription = await self._open_subscription()
                await self._consume(subscription)
            except (NatsError, TimeoutError) as exc:
                log.warning("queue interrupted", queue=self._policy.durable, error=f"{type(exc).__name__}: {exc}")
            except Exception:  # the client library lets more than its own errors through while it reconnects
                log.exception("queue interrupted", queue=self._policy.durable)
            await asyncio.sleep(_PAUSE)

    async def _open_subscription(self) -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(
            durable_name=self._policy.durable,
            filter_subject=self._policy.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._policy.ack_wait,
            max_deliver=-1,
            max_ack_pending=_MOST_PENDING,
        )
        jetstream = self._bus.jetstream
        await jetstream.add_consumer(STREAM, config)
        return await jetstream.pull_subscribe_bind(self._policy.durable, stream=STREAM)

    async def _consume(self, subscription: JetStreamContext.PullSubscription) -> None:
        """Work until the subscription is of no more use; raises what says so, or returns if it went deaf."""
        quiet = 0
        try:
            while True:
                try:
                    messages = await subscription.fetch(1, timeout=_FETCH_SECONDS)
                except TimeoutError:
                    quiet += 1
                    if quiet * _FETCH_SECONDS < self._policy.idle_check_seconds:
                        continue
                    quiet = 0
                    if (await subscription.consumer_info()).num_pending:
                        log.warning("queue went deaf", queue=self._policy.durable)
                        return
                    continue
                quiet = 0
                for message in messages:
                    await self._handle_message(message)
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def _handle_message(self, message: Msg) -> None:
        try:
            job = decode_on_subject(message.subject, message.data)
        except UndecodableEventError as exc:
            await self._dead_letter_undecodable(message, exc)
            return
        set_current_trace(job.trace)
        delivery = message.metadata.num_delivered
        if delivery > 1:
            self._metrics.redeliveries.labels(self._policy.durable).inc()
        started = perf_counter()
        async with self._heartbeat(message):
            outcome = await self._process(message, job, delivery)
        seconds = perf_counter() - started
        self._metrics.job_seconds.labels(self._policy.durable, outcome).observe(seconds)
        log.info("job", queue=self._policy.durable, outcome=outcome, delivery=delivery, seconds=round(seconds, 3))

    async def _process(self, message: Msg, job: Envelope, delivery: int) -> str:
        if delivery > self._policy.max_tries:
            return await self._fail_again(message, job)
        try:
            await self._worker.handle(job)
        except asyncio.CancelledError:
            with suppress(NatsError):
                await message.nak()
            raise
        except Permanent as exc:
            return await self._fail(message, job, exc)
        except Exception as exc:  # a worker's bug must cost its job, never the queue
            error = exc if isinstance(exc, RoomtoneError) else Unavailable("Unexpected failure.", code="internal")
            log.warning("job failed", queue=self._policy.durable, delivery=delivery, exc_info=exc)
            if delivery >= self._policy.max_tries:
                return await self._fail(message, job, error)
            await message.nak(delay=self._delay(delivery))
            return "retry"
        await message.ack_sync(timeout=_ACK_TIMEOUT)
        return "done"

    async def _fail_again(self, message: Msg, job: Envelope) -> str:
        """End work beyond its tries: its process died with the last one, or its end could not be told."""
        try:
            before = await self._dead.find(self._policy.durable, message)
        except Unavailable as exc:
            return await self._retry_later(message, exc)
        if before is None:
            return await self._fail(
                message, job, Permanent("The work ended its process several times.", code="crashed")
            )
        kind = Unavailable if before.retryable else Permanent
        return await self._fail(message, job, kind(before.reason, code=before.code), kept=True)

    async def _fail(self, message: Msg, job: Envelope, error: RoomtoneError, *, kept: bool = False) -> str:
        try:
            if not kept:
                await self._store_dead_letter(message, error)
            await self._worker.give_up(job, error)
        except Exception as exc:  # noqa: BLE001  # logged there: letter and failed event must be stored before the message may go
            return await self._retry_later(message, exc)
        await self._terminate(message, error.code)
        return "failed"

    async def _retry_later(self, message: Msg, fault: Exception) -> str:
        log.warning("the end of a job could not be told", queue=self._policy.durable, exc_info=fault)
        await message.nak(delay=self._delay(message.metadata.num_delivered))
        return "retry"

    async def _dead_letter_undecodable(self, message: Msg, fault: UndecodableEventError) -> None:
        log.error("a message that is not an event", subject=message.subject, error=str(fault))
        try:
            await self._store_dead_letter(
                message, Permanent(f"The message is not an event: {fault}.", code="not_an_event")
            )
        except Unavailable as exc:
            await self._retry_later(message, exc)
            return
        await self._terminate(message, "not_an_event")

    async def _store_dead_letter(self, message: Msg, error: RoomtoneError) -> None:
        queue = self._policy.durable
        letter = dead_letter_from(
            message, queue=queue, code=error.code, reason=error.message, retryable=error.retryable
        )
        await self._dead.store(letter)

    async def _terminate(self, message: Msg, code: str) -> None:
        await message.term()
        self._metrics.dead_letters.labels(self._policy.durable, code).inc()

    def _delay(self, delivery: int) -> float:
        grown = self._policy.first_retry * 2.0 ** min(delivery - 1, 16)
        return min(grown, _LONGEST_RETRY) * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, not a secret

    @asynccontextmanager
    async def _heartbeat(self, message: Msg) -> AsyncIterator[None]:
        """Tell the server every third of `ack_wait` that the work goes on."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self._policy.ack_wait / 3)
                with suppress(NatsError):
                    await message.in_progress()

        beating = asyncio.create_task(beat(), name="heartbeat")
        try:
            yield
        finally:
            beating.cancel()
