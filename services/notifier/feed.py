"""The stream, followed from where this process began: every event once, in order, across losses of all kinds."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo

from services.notifier.frames import SUBJECTS
from services.notifier.pull_consumer import ConsumerBrokenError, PullConsumer, create_consumer
from shared.domain.envelope import Envelope, UndecodableEventError, decode_on_subject
from shared.domain.subjects import STREAM
from shared.messaging.bus import Bus
from shared.process.failpoints import failpoint

log = structlog.stdlib.get_logger(__name__)

_PAUSE = 0.25  # before another try
_SILENT = 5.0  # seconds without a sign of life that make the service unready


class EventSink(Protocol):
    """Whom the feed tells; must not wait."""

    def set_position(self, sequence: int) -> None:
        """Learn where the feed stands before it goes on from there."""

    def broadcast(self, sequence: int, item: Envelope) -> None:
        """Hear the event at this place of the stream."""


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Where the feed stands: the last stream sequence it has applied, and the birth of the stream that counts so."""

    created: datetime | None
    applied: int


def resume_position(stream: StreamInfo, before: StreamPosition | None) -> StreamPosition:
    """Decide where to go on from: where we stood, if this is the same stream and still that long.

    At the first sight of a stream that is its end. A stream made anew holds only events that we have not seen;
    one that lost its end in a crash gives the lost numbers out again.
    """
    if before is None:
        return StreamPosition(stream.created, stream.state.last_seq)
    if before.created != stream.created:
        return StreamPosition(stream.created, 0)
    return StreamPosition(stream.created, min(before.applied, stream.state.last_seq))


class EventFeed:
    """Hands every event stored since the first look at the stream to its audience.

    Nothing is acknowledged and nothing tried again: an event that can't be read, or that the audience fails on,
    is logged and passed over. On any doubt (a gap in the consumer's count, silence, a reconnect) the consumer
    is left to the server to forget, and another one starts after the last event applied.
    """

    def __init__(self, audience: EventSink) -> None:
        self._audience = audience
        self._bus: Bus | None = None
        self._place: StreamPosition | None = None
        self._pull: PullConsumer | None = None

    async def check(self) -> str | None:
        """Say why events are not flowing, or None; a quiet stream with a living consumer is fine."""
        if self._bus is None or not self._bus.connected or self._pull is None:
            return "not following the event stream: check NATS_URL and the NATS server"
        if self._pull.silence > _SILENT:
            return f"the event stream has given no sign of life for {self._pull.silence:.0f} s"
        return None

    async def run(self, bus: Bus) -> None:
        """Follow the stream until cancelled."""
        self._bus = bus
        bus.on_ready(self._on_reconnect)
        while True:
            await bus.wait_ready()
            try:
                await self._follow(bus)
            except (NatsError, OSError, TimeoutError, ConsumerBrokenError) as exc:
                log.warning("event feed interrupted", error=f"{type(exc).__name__}: {exc}")
                await asyncio.sleep(_PAUSE)

    async def _follow(self, bus: Bus) -> None:
        jetstream = bus.jetstream
        self._place = resume_position(await jetstream.stream_info(STREAM), self._place)
        consumer = await create_consumer(jetstream, SUBJECTS, self._place.applied + 1)
        self._audience.set_position(self._place.applied)
        log.info("following the event stream", after=self._place.applied)
        self._pull = PullConsumer(bus.client, consumer, self._on_message)
        try:
            await self._pull.run()
        finally:
            self._pull = None

    def _on_reconnect(self) -> None:
        if self._pull is not None:
            self._pull.interrupt("the bus was reconnected")

    def _on_message(self, sequence: int, subject: str, payload: bytes) -> None:
        failpoint("notifier.heard")
        created = self._place.created if self._place else None
        self._place = StreamPosition(created, sequence)
        try:
            self._audience.broadcast(sequence, decode_on_subject(subject, payload))
        except UndecodableEventError as exc:
            log.error("passed over a message that is not an event", sequence=sequence, error=str(exc))
        except Exception:  # one odd event must not silence all that follow
            log.exception("could not tell an event", sequence=sequence)
