"""The bus: one NATS connection a process, with the stream `ROOMTONE` on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

from shared.domain.envelope import Envelope, decode, encode
from shared.domain.errors import Unavailable
from shared.domain.events import Event
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import ALL_EVENTS, STREAM, event_subject
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.process.tasks import stop_process

log = structlog.stdlib.get_logger(__name__)

_DAY = 24 * 3600
_PUBLISH_TIMEOUT = 5.0
_PROGRESS_BUFFER = 2 * 1024 * 1024  # what fire-and-forget events may hold while the bus is away
_COMMAND = 1024  # more than what stands around an event's payload


class Bus:
    """Publishes events and hands out the JetStream context; connecting goes on in the background for ever.

    The library's own limits are lifted where they would end the client for good (60 reconnects) or leave it
    deaf for minutes (pings every 120 s).
    """

    def __init__(self, config: BusConfig, *, service: str, metrics: Metrics) -> None:
        self._config = config
        self._service = service
        self._metrics = metrics
        self._client = Client()
        self._ready = asyncio.Event()
        self._closing = False
        self._last_error = ""
        self._log = log.bind(service=service)
        self._on_ready: list[Callable[[], None]] = []

    @property
    def config(self) -> BusConfig:
        """Where the bus is, and how it keeps what it is given."""
        return self._config

    @property
    def connected(self) -> bool:
        """Whether the connection stands and the stream was seen on it."""
        return self._client.is_connected and self._ready.is_set()

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream context of this connection."""
        return self._client.jetstream(timeout=_PUBLISH_TIMEOUT)

    @property
    def client(self) -> Client:
        """The connection itself, for a subscription of one's own; publishing goes through the methods below."""
        return self._client

    async def wait_ready(self) -> None:
        """Wait until the bus was reached and the stream exists; bounded by whoever waits."""
        await self._ready.wait()

    def on_ready(self, call: Callable[[], None]) -> None:
        """Call `call` after every connect and reconnect: the moment to look at what was missed."""
        self._on_ready.append(call)

    async def check(self) -> str | None:
        """Say why the bus is of no use right now, or None."""
        return None if self.connected else "the bus is not reachable: check NATS_URL and the NATS server"

    async def publish(self, item: Envelope) -> None:
        """Store an event on the stream; returns once the server has it. Raises Unavailable."""
        if not self.connected:
            raise Unavailable("The bus is not reachable.", code="bus_unavailable")
        try:
            await self.jetstream.publish(
                item.subject, encode(item), timeout=_PUBLISH_TIMEOUT, headers={"Nats-Msg-Id": item.id}
            )
        except NoStreamResponseError as exc:
            await self._ensure_stream()
            raise Unavailable("The stream was gone and has been made anew.", code="bus_unavailable") from exc
        except (NatsError, TimeoutError) as exc:
            raise Unavailable("The bus did not confirm an event.", code="bus_unavailable") from exc

    async def publish_nowait(self, item: Envelope) -> None:
        """Send a progress event without waiting for anyone; dropped and counted when its buffer is full.

        The library waits seconds for a full buffer while a server stands still with its connections open.
        """
        payload = encode(item)
        if self._client.pending_data_size + len(payload) > _PROGRESS_BUFFER - _COMMAND:
            self._metrics.events_dropped.inc()
            return
        try:
            await self._client.publish(item.subject, payload, headers={"Nats-Msg-Id": item.id})
        except NatsError:
            self._metrics.events_dropped.inc()

    async def subscribe(self, subject: str, callback: Callable[[Msg], Awaitable[None]]) -> None:
        """Hear events of `subject` as they pass, at most once; what passes while disconnected is missed."""
        await self._ready.wait()
        await self._client.subscribe(subject, cb=callback)

    async def run(self) -> None:
        """Connect, keep the stream in place, and stay until cancelled."""
        try:
            await self._client.connect(
                self._config.url,
                name=f"roomtone-{self._service}",
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                connect_timeout=2,
                ping_interval=10,
                max_outstanding_pings=2,
                pending_size=_PROGRESS_BUFFER,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnect,
                reconnected_cb=self._on_connect,
                closed_cb=self._on_closed,
            )
            await self._on_connect()
            await asyncio.Event().wait()
        finally:
            self._closing = True
            await self._client.close()

    async def _on_connect(self) -> None:
        while not await self._ensure_stream():
            await asyncio.sleep(0.5)  # a cluster without a leader yet; the connection itself is watched above
        self._ready.set()
        self._metrics.bus_connected.labels(self._service).set(1)
        self._last_error = ""
        self._log.info("bus connected", stream=STREAM)
        for call in self._on_ready:
            call()

    async def _ensure_stream(self) -> bool:
        manager = self._client.jsm()
        try:
            try:
                await manager.stream_info(STREAM)
            except NotFoundError:
                await manager.add_stream(
                    StreamConfig(
                        name=STREAM,
                        subjects=[ALL_EVENTS],
                        retention=RetentionPolicy.LIMITS,
                        storage=StorageType.FILE,
                        num_replicas=self._config.replicas,
                        max_age=self._config.max_age_days * _DAY,
                        allow_direct=True,
                    )
                )
        except (NatsError, TimeoutError) as exc:
            self._log.warning("stream not available yet", error=str(exc))
            return False
        return True

    async def _on_disconnect(self) -> None:
        self._ready.clear()
        self._metrics.bus_connected.labels(self._service).set(0)
        if not self._closing:
            self._log.warning("bus disconnected")

    async def _on_error(self, error: Exception) -> None:
        """Say once that something is wrong; a server that stays away is asked every second."""
        kind = type(error).__name__
        if kind != self._last_error:
            self._last_error = kind
            self._log.warning("bus error", error=f"{kind}: {error}")

    async def _on_closed(self) -> None:
        if not self._closing:
            self._log.critical("the bus client closed for good; ending the process so that it is started anew")
            stop_process()


@asynccontextmanager
async def open_bus(config: BusConfig, *, service: str, metrics: Metrics) -> AsyncIterator[Bus]:
    """Open the bus without waiting for it: a service starts, and ingest even works, while it is away."""
    bus = Bus(config, service=service, metrics=metrics)
    running = asyncio.create_task(bus.run(), name="bus")
    try:
        yield bus
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def last_event(bus: Bus, key: SessionKey, kind: type[Event]) -> Envelope | None:
    """Return the newest event of `kind` of a session, or None; raises Unavailable when the bus is away."""
    if not bus.connected:
        raise Unavailable("The bus is not reachable.", code="bus_unavailable")
    try:
        message = await bus.jetstream.get_last_msg(STREAM, event_subject(key, kind.NAME), direct=True)
    except NotFoundError:
        return None
    except (NatsError, TimeoutError) as exc:
        raise Unavailable("The bus did not answer.", code="bus_unavailable") from exc
    return decode(message.data or b"")
