"""Who listens, and the fan-out of one event to all of them. Never waits for anyone, so nobody delays another."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from services.notifier.frames import (
    FRAMES,
    event_frame,
    heartbeat_frame,
    hello_frame,
    retry_after_frame,
    token_expiring_frame,
)
from services.notifier.listener import CloseReason, Listener
from services.notifier.subscription import Subscription
from shared.domain.clock import now
from shared.domain.envelope import Envelope
from shared.domain.errors import Unavailable
from shared.observability.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

_COME_BACK_SECONDS = (1.0, 10.0)  # a herd that returns at one instant is the classic outage


class Hub:
    """All listeners of this process; each frame is encoded once, however many hear it.

    `max_buffered` bounds the bytes that wait for one client. Waiting frames are shared between clients, so the
    memory behind `max_clients` of them is that product only if no two want the same events.
    """

    def __init__(self, *, max_clients: int, max_buffered: int, heartbeat_seconds: float, metrics: Metrics) -> None:
        self._max_clients = max_clients
        self._max_buffered = max_buffered
        self._heartbeat_seconds = heartbeat_seconds
        self._metrics = metrics
        self._listeners: set[Listener] = set()
        self._newest: int | None = None

    def set_position(self, sequence: int) -> None:
        """Take `sequence` for the newest place on the stream; before the first call nobody is let in."""
        self._newest = sequence

    def broadcast(self, sequence: int, item: Envelope) -> None:
        """Offer an event to everyone who wants it; who has no room left for it is let go."""
        self._newest = sequence
        kind = FRAMES.get(type(item.event))
        if kind is None:
            return
        frame: str | None = None
        for listener in self._listeners:
            if listener.subscription.wants(item.key, kind.name, item.lead):
                frame = frame or event_frame(kind, item, sequence)
                self._offer(listener, frame)

    def broadcast_heartbeat(self) -> None:
        """Offer everyone a heartbeat with the newest cursor."""
        if self._newest is None:
            return
        frame = heartbeat_frame(self._newest, now())
        for listener in self._listeners:
            self._offer(listener, frame)

    @contextmanager
    def register(self, subscription: Subscription) -> Iterator[Listener]:
        """Have a listener for as long as the block lasts; a hello is its first frame.

        Raises Unavailable when there are as many as there may be, or when the place on the stream is unknown:
        who is let in then could miss an event without knowing.
        """
        if self._newest is None:
            raise Unavailable("Not connected to the event stream yet.", code="not_ready")
        if len(self._listeners) >= self._max_clients:
            raise Unavailable("Too many clients are listening.", code="too_many_clients")
        listener = Listener(subscription, max_buffered=self._max_buffered)
        listener.enqueue(hello_frame(self._newest, now(), heartbeat_seconds=self._heartbeat_seconds))
        self._listeners.add(listener)
        self._metrics.websockets.inc()
        try:
            yield listener
        finally:
            listener.close(CloseReason.GONE)
            self._listeners.discard(listener)
            self._metrics.websockets.dec()

    def warn_token_expiring(self, listener: Listener, *, seconds: int) -> None:
        """Tell a listener that their token expires in so many seconds."""
        if self._newest is not None:
            self._offer(listener, token_expiring_frame(self._newest, now(), seconds=seconds))

    def close(self, listener: Listener, close_reason: CloseReason) -> None:
        """End a listener from our side and count it; one that is going away is told when to come back."""
        if close_reason is CloseReason.GOING_AWAY and self._newest is not None:
            seconds = round(random.uniform(*_COME_BACK_SECONDS), 1)  # noqa: S311  # jitter, not a secret
            listener.enqueue(retry_after_frame(self._newest, now(), seconds=seconds))
        if listener.close(close_reason):
            self._metrics.ws_dropped.labels(close_reason.reason).inc()
            log.info("listener let go", reason=close_reason.reason)

    def _offer(self, listener: Listener, frame: str) -> None:
        if not listener.enqueue(frame):
            self.close(listener, CloseReason.TOO_SLOW)
