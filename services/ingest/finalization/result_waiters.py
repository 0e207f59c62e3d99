"""Who waits for which session to end, told by the bus as it happens."""

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

_LOOK_SECONDS = 1.0  # what passes while the bus is away is missed, so the spool's record is looked at as well


class ResultWaiter:
    """One caller's wait for one session."""

    def __init__(self) -> None:
        self._arrived: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()

    def resolve(self, outcome: Envelope) -> None:
        """End the wait."""
        if not self._arrived.done():
            self._arrived.set_result(outcome)

    async def result(self, seconds: float, *, poll: Callable[[], Awaitable[Envelope | None]]) -> Envelope | None:
        """Return the outcome, or None after `seconds`; `or_else` is asked now and then as a second source."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            left = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait([self._arrived], timeout=max(0.0, min(_LOOK_SECONDS, left)))
            if done:
                return self._arrived.result()
            if (outcome := await poll()) is not None or left <= 0:
                return outcome


class ResultWaiters:
    """Hears `audio.ready` and `audio.failed` of every session and wakes those who wait for one."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: dict[SessionKey, set[ResultWaiter]] = {}

    async def run(self) -> None:
        """Listen until cancelled; the client library renews the subscriptions after a reconnect."""
        for kind in (AudioReady, AudioFailed):
            await self._bus.subscribe(event_filter(kind.NAME), self._on_message)
        await asyncio.Event().wait()

    @contextmanager
    def wait_for(self, key: SessionKey) -> Iterator[ResultWaiter]:
        """Wait for `key` inside the block; enter it before telling the bus, or the answer may pass unheard."""
        expectation = ResultWaiter()
        self._waiting.setdefault(key, set()).add(expectation)
        try:
            yield expectation
        finally:
            self._waiting[key].discard(expectation)
            if not self._waiting[key]:
                del self._waiting[key]

    async def _on_message(self, message: Msg) -> None:
        try:
            outcome = decode_on_subject(message.subject, message.data)
        except UndecodableEventError:
            log.warning("heard something that is not an event", subject=message.subject)
            return
        for expectation in self._waiting.get(outcome.key, ()):
            expectation.resolve(outcome)
