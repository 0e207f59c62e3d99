"""Retry queue of callbacks: the main service is notified of every stored upload at least once, also after a crash."""

import asyncio
import random
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from services.ingest.indexed_uploads.callbacks.delivery import CallbackDelivery, DeliveryStep
from services.ingest.indexed_uploads.callbacks.sender import open_callback_sender
from services.ingest.indexed_uploads.callbacks.settings import CallbackConfig
from services.ingest.indexed_uploads.callbacks.store import CallbackStore
from shared.domain.envelope import Envelope
from shared.domain.errors import Unavailable
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks, cancel_and_wait
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)

_POLL_SECONDS = 1.0  # sessions end in another process, which only leaves a result in the spool
_MAX_POLL_SECONDS = 60.0
_MAX_RETRY_SECONDS = 3600.0
_ATTEMPTS_WAITED_FOR = 2  # the first one may have begun before the session ended


@dataclass(slots=True)
class _Schedule:
    """When a callback is due, on the loop's clock, how often this process has tried, and the outcome if it is known."""

    due: float = 0.0
    attempts: int = 0
    known: Envelope | None = None


class CallbackScheduler:
    """Runs the attempts of all pending callbacks, at most `config.concurrency` at once.

    Failed attempts are retried after delays that double, with jitter, up to an hour. A callback that is not confirmed
    within 24 hours after its session ended, or within `config.tries` tries of one process, is given up.
    """

    def __init__(
        self, store: CallbackStore, delivery: CallbackDelivery, config: CallbackConfig, executor: Executor
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._config = config
        self._executor = executor
        self._schedules: dict[SessionKey, _Schedule] = {}
        self._running: dict[SessionKey, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(config.concurrency)

    async def add(self, key: SessionKey) -> None:
        """Add a pending callback, which is sent once the upload's file is stored; durable on return."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._store.add_pending, key)

    async def wait_delivered(self, key: SessionKey, ended: Envelope, *, within: float) -> bool:
        """Whether the main service has confirmed the callback; waits `within` seconds at most for the first try."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        schedule = self._schedules.setdefault(key, _Schedule())
        schedule.known = ended
        for _ in range(_ATTEMPTS_WAITED_FOR):
            result = await loop.run_in_executor(self._executor, self._store.result, key)
            left = deadline - loop.time()
            if result is not None or schedule.attempts > 0 or left <= 0:
                break
            await asyncio.wait([self._running.get(key) or self._start(key, schedule)], timeout=left)
        result = await loop.run_in_executor(self._executor, self._store.result, key)
        return result is not None and result.delivered

    async def run(self) -> None:
        """Start due attempts: now, every second, and when one ends while others wait for a slot; until cancelled."""
        try:
            while True:
                slots_full = False
                try:
                    slots_full = await self._start_due()
                except OSError:
                    log.exception("the pending callbacks can't be listed; trying again soon")
                if slots_full and (running := list(self._running.values())):
                    await asyncio.wait(running, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(_POLL_SECONDS)
        finally:
            await cancel_and_wait(list(self._running.values()))

    async def _start_due(self) -> bool:
        """Start what is due, fewest attempts first; returns whether something had to wait for a slot."""
        loop = asyncio.get_running_loop()
        pending = await loop.run_in_executor(self._executor, self._store.pending)
        for key in [key for key in self._schedules if key not in pending and key not in self._running]:
            del self._schedules[key]
        schedules = {key: self._schedules.setdefault(key, _Schedule()) for key in pending}
        now = loop.time()
        due = [key for key, schedule in schedules.items() if schedule.due <= now and key not in self._running]
        due.sort(key=lambda key: schedules[key].attempts)  # retries at a hung receiver must not hold up new callbacks
        free = max(0, self._config.concurrency - len(self._running))
        for key in due[:free]:
            self._start(key, schedules[key], waited=pending[key])
        return len(due) > free

    def _start(self, key: SessionKey, schedule: _Schedule, *, waited: float = 0.0) -> asyncio.Task[None]:
        task = asyncio.create_task(self._attempt(key, schedule, waited), name="callback")
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))
        return task

    async def _attempt(self, key: SessionKey, schedule: _Schedule, waited: float) -> None:
        """Run one attempt and set when the next is due; even an unexpected failure affects no other callback."""
        try:
            async with self._slots:
                step = await self._delivery.attempt(key, schedule.known, schedule.attempts)
        except Unavailable:
            log.warning("the bus is away; a callback's result is published later", session=key.session)
            delay = self._config.first_retry
        except Exception:
            log.exception("a callback failed unexpectedly; trying again later", session=key.session)
            delay = self._count_failure(schedule)
        else:
            match step:
                case DeliveryStep.WAITING:
                    delay = min(_MAX_POLL_SECONDS, max(_POLL_SECONDS, waited / 10))
                case DeliveryStep.FAILED:
                    delay = self._count_failure(schedule)
                case DeliveryStep.ENDED:
                    delay = 0.0
        schedule.due = asyncio.get_running_loop().time() + delay

    def _count_failure(self, schedule: _Schedule) -> float:
        """Count a failed attempt; returns the delay before the next one, in seconds."""
        doubled = self._config.first_retry * 2.0 ** min(schedule.attempts, 30)
        schedule.attempts += 1
        delay = min(doubled, _MAX_RETRY_SECONDS)
        return random.uniform(delay / 2, delay)  # noqa: S311  # jitter, not a secret


@asynccontextmanager
async def open_callbacks(
    config: CallbackConfig | None, spool: Spool, executor: Executor, bus: Bus, metrics: Metrics
) -> AsyncIterator[CallbackScheduler | None]:
    """Open the callbacks and run what is pending; yields None without a configured receiver."""
    if config is None:
        yield None
        return
    store = CallbackStore(spool)
    await asyncio.get_running_loop().run_in_executor(executor, store.prepare)
    async with open_callback_sender(config) as sender:
        delivery = CallbackDelivery(store, sender, executor, bus, metrics, config.tries)
        callbacks = CallbackScheduler(store, delivery, config, executor)
        async with background_tasks(callbacks.run()):
            yield callbacks
