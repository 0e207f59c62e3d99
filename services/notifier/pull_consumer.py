"""One ephemeral pull consumer, read by a loop of our own.

The client library's `fetch` asks the server for each message or can stall, and drops the heartbeats that alone
tell a quiet stream from a dead consumer. Here a request for a batch lingers on the server, so that a message is
pushed the moment it is stored, and every message and heartbeat is checked for what should have come before it.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.domain.subjects import STREAM

_BATCH = 64  # also a burst: all of it is fanned out before any client's socket has its turn
_REQUEST_EXPIRES = 30.0
_HEARTBEAT = 1.0
_SILENCE_LIMIT = 3.0  # seconds without a sign of life
_INACTIVE_THRESHOLD = 30.0  # the server removes a consumer nobody has pulled from for this long

MessageCallback = Callable[[int, str, bytes], None]
"""Called with the stream sequence, subject and payload of each message, in order."""


class ConsumerBrokenError(Exception):
    """The consumer can no longer vouch for being complete: start another after the last message heard."""


async def create_consumer(jetstream: JetStreamContext, subjects: Sequence[str], start: int) -> str:
    """Create a consumer of `subjects` from stream sequence `start` on; it lives in memory and is never acknowledged."""
    info = await jetstream.add_consumer(
        STREAM,
        ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=start,
            ack_policy=AckPolicy.NONE,
            filter_subjects=list(subjects),
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=_INACTIVE_THRESHOLD,
        ),
    )
    return info.name


class PullConsumer:
    """Reads one consumer until it breaks; used once."""

    def __init__(self, client: Client, consumer: str, hear: MessageCallback) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"
        self._inbox = client.new_inbox()
        self._hear = hear
        self._seen = 0
        self._left = 0
        self._alive_at = monotonic()
        self._broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def silence(self) -> float:
        """Seconds since the consumer last gave a sign of life: a message or a heartbeat."""
        return monotonic() - self._alive_at

    def interrupt(self, why: str) -> None:
        """End the reading with PullBrokenError."""
        if not self._broken.done():
            self._broken.set_result(why)

    async def run(self) -> None:
        """Hand on every message until cancelled; raises PullBrokenError or NatsError."""
        subscription = await self._client.subscribe(self._inbox, cb=self._receive)
        try:
            await self._request()
            while self.silence < _SILENCE_LIMIT and not self._broken.done():
                await asyncio.wait((self._broken,), timeout=_HEARTBEAT)
        finally:
            self.interrupt(f"no sign of life for {self.silence:.1f} s")
            with suppress(NatsError):
                await subscription.unsubscribe()
        raise ConsumerBrokenError(self._broken.result())

    async def _request(self) -> None:
        """Ask for the next batch; the one before is used up or expired."""
        self._left = _BATCH
        request = {"batch": _BATCH, "expires": int(_REQUEST_EXPIRES * 1e9), "idle_heartbeat": int(_HEARTBEAT * 1e9)}
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    async def _receive(self, message: Msg) -> None:
        """Take what came to the inbox: only messages of the stream have somewhere to reply to."""
        if self._broken.done():
            return
        self._alive_at = monotonic()
        if message.reply:
            await self._on_event(message)
        else:
            await self._on_status(message.headers or {})

    async def _on_event(self, message: Msg) -> None:
        sequence = message.metadata.sequence
        if sequence.consumer != self._seen + 1:
            self.interrupt(f"message {sequence.consumer} came after {self._seen}")
            return
        self._seen = sequence.consumer
        self._left -= 1
        self._hear(sequence.stream, message.subject, message.data)
        if self._left == 0:
            await self._request()

    async def _on_status(self, headers: Mapping[str, str]) -> None:
        """Act on a status: heartbeat (100), request expired (404, 408), or anything else: the consumer is no more."""
        match headers.get("Status"):
            case "100":
                last = headers.get("Nats-Last-Consumer", str(self._seen))
                if last != str(self._seen):
                    self.interrupt(f"the server sent {last} messages, {self._seen} came")
            case "404" | "408":
                await self._request()
            case status:
                self.interrupt(f"status {status} {headers.get('Description', '')}".strip())
