"""Follows the event stream from its end at start-up: each event once, in order, also after reconnects."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo

from services.notifier.frames import PROGRESS, SUBJECTS
from services.notifier.pull_consumer import ConsumerBrokenError, PullConsumer, create_consumer
from shared.domain.envelope import Envelope, UndecodableEventError, decode_on_subject
from shared.domain.subjects import STREAM
from shared.messaging.bus import Bus
from shared.process.failpoints import failpoint

log = structlog.stdlib.get_logger(__name__)

_RETRY_SECONDS = 0.25
_UNREADY_AFTER = 5.0  # seconds without a message or heartbeat that make the service unready


class EventSink(Protocol):
    """Receives the feed's events; its methods must not block."""

    def set_position(self, sequence: int) -> None:
        """Take note of the stream sequence after which the feed goes on."""

    def broadcast(self, sequence: int, envelope: Envelope) -> None:
        """Take the event at this stream sequence."""

    def broadcast_progress(self, envelope: Envelope) -> None:
        """Take progress, which has no sequence."""


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """The last stream sequence the feed has applied, and when the stream that counts so was created."""

    created: datetime | None
    applied: int


def resume_position(stream: StreamInfo, before: StreamPosition | None) -> StreamPosition:
    """Return the position to go on from: the one before, if this is the same stream and still that long.

    Without a position before, it is the stream's end. A stream that was created again holds only new events, so it is
    followed from its first one; a stream that lost its end in a crash gives the lost sequences out again.
    """
    if before is None:
        return StreamPosition(stream.created, stream.state.last_seq)
    if before.created != stream.created:
        return StreamPosition(stream.created, 0)
    return StreamPosition(stream.created, min(before.applied, stream.state.last_seq))


class EventFeed:
    """Passes every event stored since start-up to its sink, and progress as it comes.

    Nothing is acknowledged and nothing retried: an event that can't be decoded, or for which the sink raises, is
    logged and skipped. On any doubt (a gap in the consumer's sequence, silence, a reconnect) the feed drops its
    consumer, which the server removes by itself, and starts another one after the last event applied.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._bus: Bus | None = None
        self._position: StreamPosition | None = None
        self._consumer: PullConsumer | None = None

    async def check(self) -> str | None:
        """Return why events are not flowing, or None; a quiet stream with a live consumer is fine."""
        if self._bus is None or not self._bus.connected or self._consumer is None:
            return "not following the event stream: check NATS_URL and the NATS server"
        if self._consumer.silence > _UNREADY_AFTER:
            return f"the event stream has given no sign of life for {self._consumer.silence:.0f} s"
        return None

    async def run(self, bus: Bus) -> None:
        """Follow the stream until cancelled."""
        self._bus = bus
        bus.on_ready(self._on_reconnect)
        await bus.subscribe(PROGRESS, self._on_progress)
        while True:
            await bus.wait_ready()
            try:
                await self._follow(bus)
            except (NatsError, OSError, TimeoutError, ConsumerBrokenError) as exc:
                log.warning("event feed interrupted", error=f"{type(exc).__name__}: {exc}")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, bus: Bus) -> None:
        jetstream = bus.jetstream
        self._position = resume_position(await jetstream.stream_info(STREAM), self._position)
        name = await create_consumer(jetstream, SUBJECTS, self._position.applied + 1)
        self._sink.set_position(self._position.applied)
        log.info("following the event stream", after=self._position.applied)
        self._consumer = PullConsumer(bus.client, name, self._on_message)
        try:
            await self._consumer.run()
        finally:
            self._consumer = None

    def _on_reconnect(self) -> None:
        if self._consumer is not None:
            self._consumer.interrupt("the bus was reconnected")

    async def _on_progress(self, message: Msg) -> None:
        try:
            self._sink.broadcast_progress(decode_on_subject(message.subject, message.data))
        except UndecodableEventError as exc:
            log.error("skipped progress that is not an event", error=str(exc))

    def _on_message(self, sequence: int, subject: str, payload: bytes) -> None:
        failpoint("notifier.heard")
        created = self._position.created if self._position else None
        self._position = StreamPosition(created, sequence)
        try:
            self._sink.broadcast(sequence, decode_on_subject(subject, payload))
        except UndecodableEventError as exc:
            log.error("skipped a message that is not an event", sequence=sequence, error=str(exc))
        except Exception:  # one event that fails must not stop those behind it
            log.exception("could not broadcast an event", sequence=sequence)
