"""Requests that wait for `audio.ready` or `audio.failed` of their session."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
from nats.aio.msg import Msg

from shared.domain.envelope import Envelope, UndecodableEventError, decode_on_subject
from shared.domain.events import AudioFailed, AudioReady
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import event_filter
from shared.messaging.bus import Bus

log = structlog.stdlib.get_logger(__name__)

# Events that are published while the bus is away are missed, so the spool is polled as well, soon at first: the event
# of a session that just ended may be out already while its result is being written.
_FIRST_POLL_SECONDS, _POLL_SECONDS = 0.05, 1.0


class ResultWaiter:
    """One request's wait for the result of one session."""

    def __init__(self) -> None:
        self._outcome: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()

    def resolve(self, outcome: Envelope) -> None:
        """Deliver the outcome; only the first one counts."""
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    async def result(self, seconds: float, *, poll: Callable[[], Awaitable[Envelope | None]]) -> Envelope | None:
        """Return the outcome, or None after `seconds`; `poll` is called again and again as a second source."""
        pause = _FIRST_POLL_SECONDS
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            left = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait([self._outcome], timeout=max(0.0, min(pause, left)))
            pause = min(2 * pause, _POLL_SECONDS)
            if done:
                return self._outcome.result()
            if (outcome := await poll()) is not None or left <= 0:
                return outcome


class ResultWaiters:
    """Subscribes to `audio.ready` and `audio.failed` of all sessions, and wakes the requests that wait for one."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: dict[SessionKey, set[ResultWaiter]] = {}

    async def run(self) -> None:
        """Stay subscribed until cancelled; the client library renews the subscriptions after a reconnect."""
        for kind in (AudioReady, AudioFailed):
            await self._bus.subscribe(event_filter(kind.NAME), self._on_message)
        await asyncio.Event().wait()

    @contextmanager
    def wait_for(self, key: SessionKey) -> Iterator[ResultWaiter]:
        """Wait for `key` inside the block; enter it before publishing, or the result may be missed."""
        waiter = ResultWaiter()
        self._waiting.setdefault(key, set()).add(waiter)
        try:
            yield waiter
        finally:
            self._waiting[key].discard(waiter)
            if not self._waiting[key]:
                del self._waiting[key]

    async def _on_message(self, message: Msg) -> None:
        try:
            outcome = decode_on_subject(message.subject, message.data)
        except UndecodableEventError:
            log.warning("received a message that is not an event", subject=message.subject)
            return
        for waiter in self._waiting.get(outcome.key, ()):
            waiter.resolve(outcome)
