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

from shared.bus import Bus
from shared.codec import Envelope, UndecodableEventError, decode_from
from shared.errors import Permanent, RoomtoneError, Unavailable
from shared.metrics import Metrics
from shared.subjects import STREAM
from shared.trace import set_current_trace

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
    tries: int = 5
    first_retry: float = 5.0
    ack_wait: float = 30.0
    quiet: float = 30.0


class WorkQueue:
    """Takes one message for each free hand, and acknowledges it last.

    Acknowledges (waiting for the server) what was handled; terminates what is permanent or has used up its
    tries, after its failed event is stored; gives back the rest with a growing delay. The server's own delivery
    limit is off: it drops silently, so tries are counted here, crashes of the process included.
    """

    def __init__(self, bus: Bus, policy: QueuePolicy, worker: Worker, metrics: Metrics) -> None:
        self._bus = bus
        self._policy = policy
        self._worker = worker
        self._metrics = metrics

    def hands(self) -> list[Coroutine[None, None, None]]:
        """Return the queue's hands, to be run beside each other; cancelled, they give unfinished work back at once."""
        return [self._work() for _ in range(self._policy.concurrency)]

    async def _work(self) -> None:
        while True:
            await self._bus.wait_ready()
            try:
                subscription = await self._bind()
                await self._drain(subscription)
            except (NatsError, TimeoutError) as exc:
                log.warning("queue interrupted", queue=self._policy.durable, error=f"{type(exc).__name__}: {exc}")
            except Exception:  # the client library lets more than its own errors through while it reconnects
                log.exception("queue interrupted", queue=self._policy.durable)
            await asyncio.sleep(_PAUSE)

    async def _bind(self) -> JetStreamContext.PullSubscription:
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

    async def _drain(self, subscription: JetStreamContext.PullSubscription) -> None:
        """Work until the subscription is of no more use; raises what says so, or returns if it went deaf."""
        quiet = 0
        try:
            while True:
                try:
                    messages = await subscription.fetch(1, timeout=_FETCH_SECONDS)
                except TimeoutError:
                    quiet += 1
                    if quiet * _FETCH_SECONDS < self._policy.quiet:
                        continue
                    quiet = 0
                    if (await subscription.consumer_info()).num_pending:
                        log.warning("queue went deaf", queue=self._policy.durable)
                        return
                    continue
                quiet = 0
                for message in messages:
                    await self._one(message)
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def _one(self, message: Msg) -> None:
        try:
            job = decode_from(message.subject, message.data)
        except UndecodableEventError as exc:
            log.error("dropped a message that is not an event", subject=message.subject, error=str(exc))
            await message.term()
            return
        set_current_trace(job.trace)
        delivery = message.metadata.num_delivered
        if delivery > 1:
            self._metrics.redeliveries.labels(self._policy.durable).inc()
        started = perf_counter()
        async with self._keep_alive(message):
            outcome = await self._settle(message, job, delivery)
        seconds = perf_counter() - started
        self._metrics.job_seconds.labels(self._policy.durable, outcome).observe(seconds)
        log.info("job", queue=self._policy.durable, outcome=outcome, delivery=delivery, seconds=round(seconds, 3))

    async def _settle(self, message: Msg, job: Envelope, delivery: int) -> str:
        try:
            if delivery > self._policy.tries:
                raise Permanent("The work ended its process several times.", code="crashed")
            await self._worker.handle(job)
        except asyncio.CancelledError:
            with suppress(NatsError):
                await message.nak()
            raise
        except Permanent as exc:
            return await self._end(message, job, exc)
        except Exception as exc:  # a worker's bug must cost its job, never the queue
            error = exc if isinstance(exc, RoomtoneError) else Unavailable("Unexpected failure.", code="internal")
            log.warning("job failed", queue=self._policy.durable, delivery=delivery, exc_info=exc)
            if delivery >= self._policy.tries:
                return await self._end(message, job, error)
            await message.nak(delay=self._delay(delivery))
            return "retry"
        await message.ack_sync(timeout=_ACK_TIMEOUT)
        return "done"

    async def _end(self, message: Msg, job: Envelope, error: RoomtoneError) -> str:
        try:
            await self._worker.give_up(job, error)
        except Exception as exc:  # the failed event must be stored before the message may go
            log.warning("the end of a job could not be told", queue=self._policy.durable, exc_info=exc)
            await message.nak(delay=self._delay(message.metadata.num_delivered))
            return "retry"
        await message.term()
        return "failed"

    def _delay(self, delivery: int) -> float:
        grown = self._policy.first_retry * 2.0 ** min(delivery - 1, 16)
        return min(grown, _LONGEST_RETRY) * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, not a secret

    @asynccontextmanager
    async def _keep_alive(self, message: Msg) -> AsyncIterator[None]:
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
