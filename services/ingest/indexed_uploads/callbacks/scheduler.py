"""Tells the main service of every stored upload at least once, whatever crashes in between."""

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

_LOOK_SECONDS = 1.0  # sessions end in another process; what it leaves in the spool is looked for
_LONGEST_LOOK = 60.0
_LONGEST_DELAY = 3600.0
_LOOKS_BEFORE_ANSWER = 2  # the first one may have begun before the session ended


@dataclass(slots=True)
class _Schedule:
    """When a callback is due, on the loop's clock, and how often this process has tried."""

    due: float = 0.0
    attempts: int = 0
    known: Envelope | None = None


class CallbackScheduler:
    """Attends to what the records hold, at most `config.concurrency` at once.

    One layer of retries, their delays growing with jitter up to an hour. What is not confirmed within a day after its
    session ended, or within `config.tries` tries of one process, is given up.
    """

    def __init__(
        self, records: CallbackStore, delivery: CallbackDelivery, config: CallbackConfig, executor: Executor
    ) -> None:
        self._records = records
        self._delivery = delivery
        self._config = config
        self._executor = executor
        self._schedules: dict[SessionKey, _Schedule] = {}
        self._running: dict[SessionKey, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(config.concurrency)

    async def add(self, key: SessionKey) -> None:
        """Note that the upload's main service is to be told once its file is stored; durable on return."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._records.add_pending, key)

    async def wait_delivered(self, key: SessionKey, ended: Envelope, *, within: float) -> bool:
        """Whether the main service knows of a stored file; waits `within` seconds for the first try to end."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        schedule = self._schedules.setdefault(key, _Schedule())
        schedule.known = ended
        for _ in range(_LOOKS_BEFORE_ANSWER):
            settlement = await loop.run_in_executor(self._executor, self._records.result, key)
            left = deadline - loop.time()
            if settlement is not None or schedule.attempts > 0 or left <= 0:
                break
            await asyncio.wait([self._running.get(key) or self._start(key, schedule)], timeout=left)
        settlement = await loop.run_in_executor(self._executor, self._records.result, key)
        return settlement is not None and settlement.delivered

    async def run(self) -> None:
        """Look for what is due: at start, every second, and as soon as one ends while others wait; until cancelled."""
        try:
            while True:
                others_wait = False
                try:
                    others_wait = await self._start_due()
                except OSError:
                    log.exception("the pending callbacks can't be listed; looking again soon")
                if others_wait and (running := list(self._running.values())):
                    await asyncio.wait(running, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await cancel_and_wait(list(self._running.values()))

    async def _start_due(self) -> bool:
        """Start what is due, the least tried first; returns whether something had to wait."""
        loop = asyncio.get_running_loop()
        pending = await loop.run_in_executor(self._executor, self._records.pending)
        for key in [key for key in self._schedules if key not in pending and key not in self._running]:
            del self._schedules[key]
        schedules = {key: self._schedules.setdefault(key, _Schedule()) for key in pending}
        now = loop.time()
        due = [key for key, schedule in schedules.items() if schedule.due <= now and key not in self._running]
        due.sort(key=lambda key: schedules[key].attempts)  # a receiver that hangs must not hold up what is new
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
        """Do what is due for one upload; whatever fails is tried again, with all others unharmed."""
        try:
            async with self._slots:
                step = await self._delivery.attempt(key, schedule.known, schedule.attempts)
        except Unavailable:
            log.warning("the bus is away; how a callback ended is published later", session=key.session)
            delay = self._config.first_retry
        except Exception:
            log.exception("a callback failed unexpectedly; trying again later", session=key.session)
            delay = self._count_failure(schedule)
        else:
            match step:
                case DeliveryStep.WAITING:
                    delay = min(_LONGEST_LOOK, max(_LOOK_SECONDS, waited / 10))
                case DeliveryStep.REFUSED:
                    delay = self._count_failure(schedule)
                case DeliveryStep.ENDED:
                    delay = 0.0
        schedule.due = asyncio.get_running_loop().time() + delay

    def _count_failure(self, schedule: _Schedule) -> float:
        """Count a failed try and return after how many seconds to try again."""
        doubled = self._config.first_retry * 2.0 ** min(schedule.attempts, 30)
        schedule.attempts += 1
        longest = min(doubled, _LONGEST_DELAY)
        return random.uniform(longest / 2, longest)  # noqa: S311  # jitter, not a secret


@asynccontextmanager
async def open_callbacks(
    config: CallbackConfig | None, spool: Spool, executor: Executor, bus: Bus, metrics: Metrics
) -> AsyncIterator[CallbackScheduler | None]:
    """Open the callbacks and attend to what is pending, or return None where nobody is to be told."""
    if config is None:
        yield None
        return
    records = CallbackStore(spool)
    await asyncio.get_running_loop().run_in_executor(executor, records.prepare)
    async with open_callback_sender(config) as sender:
        delivery = CallbackDelivery(records, sender, executor, bus, metrics, config.tries)
        callbacks = CallbackScheduler(records, delivery, config, executor)
        async with background_tasks(callbacks.run()):
            yield callbacks
