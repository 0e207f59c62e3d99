"""A work queue for tests, with a worker that records its jobs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from shared.domain.envelope import Envelope, make_envelope
from shared.domain.errors import RoomtoneError
from shared.domain.events import Event, SessionOpened
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import event_filter
from shared.messaging.bus import Bus
from shared.messaging.work_queue import QueuePolicy, WorkQueue
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from shared.process.tasks import background_tasks

QUEUE = "worker"
_numbers = count()


class RecordingWorker:
    """A worker that records its jobs and raises the given errors: `failures` by session, `give_up_failures` in turn."""

    def __init__(
        self, failures: dict[str, list[Exception]] | None = None, give_up_failures: list[Exception] | None = None
    ) -> None:
        self.handled: list[str] = []
        self.last_tries: list[bool] = []
        self.jobs: list[Envelope] = []
        self.given_up: list[tuple[str, str]] = []
        self._failures = failures or {}
        self._give_up_failures = give_up_failures or []

    async def handle(self, job: Envelope, *, last_try: bool = False) -> None:
        self.last_tries.append(last_try)
        self.handled.append(job.key.session)
        self.jobs.append(job)
        if pending := self._failures.get(job.key.session):
            raise pending.pop(0)

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        if self._give_up_failures:
            raise self._give_up_failures.pop(0)
        self.given_up.append((job.key.session, error.code))


@asynccontextmanager
async def working(
    bus: Bus,
    worker: RecordingWorker,
    *,
    kind: type[Event] = SessionOpened,
    queue: str = QUEUE,
    concurrency: int = 1,
    first_retry: float = 0.05,
    ack_wait: float = 5.0,  # a busy machine may hold the loop for longer than a second
    metrics: Metrics | None = None,
) -> AsyncIterator[None]:
    policy = QueuePolicy(
        durable=queue,
        subject=event_filter(kind.NAME),
        concurrency=concurrency,
        max_tries=3,
        first_retry=first_retry,
        ack_wait=ack_wait,
        idle_check_seconds=1.0,
    )
    async with background_tasks(*WorkQueue(bus, policy, worker, metrics or Metrics()).workers()):
        yield


async def publish_job(bus: Bus, session: str) -> None:
    key = SessionKey("default", session)
    await bus.publish(make_envelope("test", key, SessionOpened(), cause=str(next(_numbers)), trace=new_trace()))
