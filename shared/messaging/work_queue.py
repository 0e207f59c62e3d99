"""Work queues: one durable JetStream pull consumer for each kind of work, with retries and dead letters.

The outcomes of a message (docs/architecture.md, "Work queues and dead letters"):

not an event                          dead letter, terminate
`handle` returns                      acknowledge                                          done
`handle` is cancelled                 return it at once, for another worker
`handle` raises Permanent             dead letter, `give_up`, terminate                    failed
`handle` raises any other error
├── tries are left                    return it with a growing delay                       retry
└── at the last try                   dead letter, `give_up`, terminate                    failed
delivered once more after its last try (its process crashed, or its end could not be stored)
├── it has a dead letter              `give_up` with the letter's error, terminate         failed
└── it has none                       dead letter with the code `crashed`, `give_up`, …    failed
dead letter or `give_up` can't be stored or published
                                      return it with a growing delay                       retry

A message is terminated only after its dead letter and then its failed event are stored.
"""

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
_MAX_RETRY_SECONDS = 300.0
_RECONNECT_SECONDS = 0.5
_MAX_PENDING = 10_000  # work that waits for its next try counts as pending: a low limit would let it block all other


class Worker(Protocol):
    """The work of a queue: `handle` for each message, `give_up` for one that will not be retried."""

    async def handle(self, job: Envelope, *, last_try: bool = False) -> None:
        """Do the work and publish its result; must be idempotent, since it runs again after a crash.

        Raises Permanent for work that can never succeed; after any other error it is retried, save after the last try.
        """

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Publish the failed event of work that will not be retried; may run twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolicy:
    """Settings of a queue; the retry delay in seconds starts at `first_retry`, doubles with each try, at most 300.

    The delay is jittered by a fifth. After `idle_check_seconds` without a message the server is asked whether there is
    any, since pull subscriptions can stop receiving (nats.py#504). A message without a heartbeat for `ack_wait` seconds
    is redelivered.
    """

    durable: str
    subject: str
    concurrency: int
    max_tries: int = 5
    first_retry: float = 5.0
    ack_wait: float = 30.0
    idle_check_seconds: float = 30.0


class WorkQueue:
    """Runs `concurrency` workers; each fetches one message at a time and acknowledges it after the work is done.

    An acknowledgement waits for the server. Tries are counted here, crashes of the process included: the server's own
    delivery limit is off, as it drops messages silently (docs/adr/0002).
    """

    def __init__(self, bus: Bus, policy: QueuePolicy, worker: Worker, metrics: Metrics) -> None:
        self._bus = bus
        self._policy = policy
        self._worker = worker
        self._metrics = metrics
        self._dead_letters = DeadLetters(bus)

    def workers(self) -> list[Coroutine[None, None, None]]:
        """Return the workers, to be run concurrently; a cancelled worker returns its unfinished message at once."""
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
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _open_subscription(self) -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(
            durable_name=self._policy.durable,
            filter_subject=self._policy.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._policy.ack_wait,
            max_deliver=-1,
            max_ack_pending=_MAX_PENDING,
        )
        jetstream = self._bus.jetstream
        await jetstream.add_consumer(STREAM, config)
        return await jetstream.pull_subscribe_bind(self._policy.durable, stream=STREAM)

    async def _consume(self, subscription: JetStreamContext.PullSubscription) -> None:
        """Handle messages until the subscription breaks; raises the client's error, or returns if it went deaf.

        A deaf subscription gets no messages although the server has some.
        """
        idle_fetches = 0
        try:
            while True:
                try:
                    messages = await subscription.fetch(1, timeout=_FETCH_SECONDS)
                except TimeoutError:
                    idle_fetches += 1
                    if idle_fetches * _FETCH_SECONDS < self._policy.idle_check_seconds:
                        continue
                    idle_fetches = 0
                    if (await subscription.consumer_info()).num_pending:
                        log.warning("queue went deaf", queue=self._policy.durable)
                        return
                    continue
                idle_fetches = 0
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
            await self._worker.handle(job, last_try=delivery == self._policy.max_tries)
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
        """Fail a message past its last try: its process died during that try, or the failure could not be published."""
        try:
            letter = await self._dead_letters.find(self._policy.durable, message)
        except Unavailable as exc:
            return await self._retry_later(message, exc)
        if letter is None:
            return await self._fail(
                message, job, Permanent("The work ended its process several times.", code="crashed")
            )
        error_type = Unavailable if letter.retryable else Permanent
        return await self._fail(message, job, error_type(letter.reason, code=letter.code), letter_stored=True)

    async def _fail(self, message: Msg, job: Envelope, error: RoomtoneError, *, letter_stored: bool = False) -> str:
        try:
            if not letter_stored:
                await self._store_dead_letter(message, error)
            await self._worker.give_up(job, error)
        except Exception as exc:  # noqa: BLE001  # logged there: letter and failed event must be stored before the message may go
            return await self._retry_later(message, exc)
        await self._terminate(message, error.code)
        return "failed"

    async def _retry_later(self, message: Msg, fault: Exception) -> str:
        log.warning("the failure of a job could not be published", queue=self._policy.durable, exc_info=fault)
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
        await self._dead_letters.store(letter)

    async def _terminate(self, message: Msg, code: str) -> None:
        await message.term()
        self._metrics.dead_letters.labels(self._policy.durable, code).inc()

    def _delay(self, delivery: int) -> float:
        seconds = self._policy.first_retry * 2.0 ** min(delivery - 1, 16)
        return min(seconds, _MAX_RETRY_SECONDS) * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, not a secret

    @asynccontextmanager
    async def _heartbeat(self, message: Msg) -> AsyncIterator[None]:
        """Extend the message's `ack_wait` every third of that time, as long as the block runs."""

        async def extend_ack_wait() -> None:
            while True:
                await asyncio.sleep(self._policy.ack_wait / 3)
                with suppress(NatsError):
                    await message.in_progress()

        heartbeat = asyncio.create_task(extend_ack_wait(), name="heartbeat")
        try:
            yield
        finally:
            heartbeat.cancel()
