"""All listeners of this process, and the fan-out of each event to them; it never waits for a client."""

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

_RECONNECT_SECONDS = (1.0, 10.0)  # spread out: if all clients returned at once, they would overload the server


class Hub:
    """Keeps the listeners and sends them events; each frame is encoded once, however many listeners it goes to.

    `max_buffered` limits the bytes that wait for one client. Waiting frames are shared between clients, so that
    `max_clients` of them need `max_clients` times `max_buffered` bytes only if no two subscribe to the same events.
    """

    def __init__(self, *, max_clients: int, max_buffered: int, heartbeat_seconds: float, metrics: Metrics) -> None:
        self._max_clients = max_clients
        self._max_buffered = max_buffered
        self._heartbeat_seconds = heartbeat_seconds
        self._metrics = metrics
        self._listeners: set[Listener] = set()
        self._newest: int | None = None

    def set_position(self, sequence: int) -> None:
        """Set the newest stream sequence; before the first call `register` raises Unavailable."""
        self._newest = sequence

    def broadcast(self, sequence: int, envelope: Envelope) -> None:
        """Queue an event for every listener that subscribed to it; a listener whose queue is full is closed."""
        self._newest = sequence
        self._fan_out(sequence, envelope)

    def broadcast_progress(self, envelope: Envelope) -> None:
        """Queue progress for its listeners, with the newest cursor: it has no place in the order of events."""
        if self._newest is not None:
            self._fan_out(self._newest, envelope)

    def _fan_out(self, sequence: int, envelope: Envelope) -> None:
        kind = FRAMES.get(type(envelope.event))
        if kind is None:
            return
        frame: str | None = None
        for listener in self._listeners:
            if listener.subscription.wants(envelope.key, kind.name, envelope.lead):
                frame = frame or event_frame(kind, envelope, sequence)
                self._enqueue(listener, frame)

    def broadcast_heartbeat(self) -> None:
        """Queue a heartbeat with the newest cursor for every listener."""
        if self._newest is None:
            return
        frame = heartbeat_frame(self._newest, now())
        for listener in self._listeners:
            self._enqueue(listener, frame)

    @contextmanager
    def register(self, subscription: Subscription) -> Iterator[Listener]:
        """Add a listener for the length of the block; its first frame is `hello`.

        Raises Unavailable when there are `max_clients` already, or when the position on the stream is not known yet:
        a client connected then could miss an event without noticing.
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
        """Queue the warning that the listener's token expires in so many seconds."""
        if self._newest is not None:
            self._enqueue(listener, token_expiring_frame(self._newest, now(), seconds=seconds))

    def close(self, listener: Listener, close_reason: CloseReason) -> None:
        """Close a listener from the server's side and count it; with GOING_AWAY its last frame is `retry_after`."""
        if close_reason is CloseReason.GOING_AWAY and self._newest is not None:
            seconds = round(random.uniform(*_RECONNECT_SECONDS), 1)  # noqa: S311  # jitter, not a secret
            listener.enqueue(retry_after_frame(self._newest, now(), seconds=seconds))
        if listener.close(close_reason):
            self._metrics.ws_dropped.labels(close_reason.reason).inc()
            log.info("listener let go", reason=close_reason.reason)

    def _enqueue(self, listener: Listener, frame: str) -> None:
        if not listener.enqueue(frame):
            self.close(listener, CloseReason.TOO_SLOW)
