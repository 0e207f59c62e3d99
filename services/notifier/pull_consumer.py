"""Reads one ephemeral JetStream pull consumer, without the client library's `fetch`.

`fetch` asks the server for each message or can stall, and drops the heartbeats, which alone tell a quiet stream from
a dead consumer. Here a request for a batch stays open on the server for 30 s, so that a message is pushed the moment it
is stored, and the consumer sequence in every message and heartbeat is checked for gaps.
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

_BATCH = 64  # messages; all of a burst may be fanned out before any client's connection task runs
_REQUEST_EXPIRES = 30.0
_HEARTBEAT = 1.0
_SILENCE_LIMIT = 3.0  # seconds without a sign of life
_INACTIVE_THRESHOLD = 30.0  # the server removes a consumer without a pull request for this long

MessageCallback = Callable[[int, str, bytes], None]
"""Called with the stream sequence, subject and payload of each message, in order."""


class ConsumerBrokenError(Exception):
    """Messages may have been lost: start another consumer after the last message received."""


async def create_consumer(jetstream: JetStreamContext, subjects: Sequence[str], start: int) -> str:
    """Create an in-memory consumer of `subjects` from stream sequence `start` on, without acknowledgements.

    Returns its name.
    """
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
    """Reads one consumer until messages may have been lost; used once."""

    def __init__(self, client: Client, consumer: str, callback: MessageCallback) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"
        self._inbox = client.new_inbox()
        self._callback = callback
        self._received = 0  # the consumer sequence of the last message
        self._left_in_batch = 0
        self._alive_at = monotonic()
        self._broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def silence(self) -> float:
        """Seconds since the last message or heartbeat."""
        return monotonic() - self._alive_at

    def interrupt(self, reason: str) -> None:
        """Make `run` raise ConsumerBrokenError with this reason."""
        if not self._broken.done():
            self._broken.set_result(reason)

    async def run(self) -> None:
        """Call back for every message until cancelled; raises ConsumerBrokenError or NatsError."""
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
        """Request the next batch, after the one before is used up or expired."""
        self._left_in_batch = _BATCH
        request = {"batch": _BATCH, "expires": int(_REQUEST_EXPIRES * 1e9), "idle_heartbeat": int(_HEARTBEAT * 1e9)}
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    async def _receive(self, message: Msg) -> None:
        """Handle a message in the inbox: an event of the stream has a reply subject, a status has none."""
        if self._broken.done():
            return
        self._alive_at = monotonic()
        if message.reply:
            await self._on_event(message)
        else:
            await self._on_status(message.headers or {})

    async def _on_event(self, message: Msg) -> None:
        sequence = message.metadata.sequence
        if sequence.consumer != self._received + 1:
            self.interrupt(f"message {sequence.consumer} came after {self._received}")
            return
        self._received = sequence.consumer
        self._left_in_batch -= 1
        self._callback(sequence.stream, message.subject, message.data)
        if self._left_in_batch == 0:
            await self._request()

    async def _on_status(self, headers: Mapping[str, str]) -> None:
        """Act on a status: heartbeat (100), request expired (404, 408); after any other the consumer is gone."""
        match headers.get("Status"):
            case "100":
                last = headers.get("Nats-Last-Consumer", str(self._received))
                if last != str(self._received):
                    self.interrupt(f"the server sent {last} messages, {self._received} came")
            case "404" | "408":
                await self._request()
            case status:
                self.interrupt(f"status {status} {headers.get('Description', '')}".strip())
