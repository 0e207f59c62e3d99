"""The bus: a NATS connection and the JetStream streams that events are published on and read from."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError, NotFoundError

from shared.domain.envelope import Envelope, decode, encode
from shared.domain.errors import Unavailable
from shared.domain.events import Event
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import STREAM, event_subject
from shared.messaging.event_streams import ensure_event_streams
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.process.tasks import cancel_and_wait, stop_process

log = structlog.stdlib.get_logger(__name__)

_PUBLISH_TIMEOUT = 5.0
_PENDING_BYTES = 2 * 1024 * 1024  # of unsent data in the client while the bus is not available
_COMMAND_BYTES = 1024  # more than the protocol adds to an event's payload


class Bus:
    """Publishes events and gives access to JetStream; connects and reconnects in the background for ever.

    The client library's own limits are lifted: 60 reconnects would end the client for good, and pings every 120 s
    would leave a dead connection unnoticed for minutes.
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
        """The configuration of the connection and of the stream."""
        return self._config

    @property
    def connected(self) -> bool:
        """Whether the client is connected and the streams exist."""
        return self._client.is_connected and self._ready.is_set()

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream context of this connection."""
        return self._client.jetstream(timeout=_PUBLISH_TIMEOUT)

    @property
    def client(self) -> Client:
        """The NATS client, for subscriptions; events are published by `publish` and `publish_nowait`."""
        return self._client

    async def wait_ready(self) -> None:
        """Wait until the client is connected and the streams exist; without a timeout."""
        await self._ready.wait()

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Register a callback for every connect and reconnect, to catch up on what was missed."""
        self._on_ready.append(callback)

    async def check(self) -> str | None:
        """Return why the bus can't be used right now, or None if it can."""
        return None if self.connected else "the bus is not reachable: check NATS_URL and the NATS server"

    async def publish(self, envelope: Envelope) -> None:
        """Publish an event on the stream; returns once the server has stored it. Raises Unavailable."""
        if not self.connected:
            raise Unavailable("The bus is not reachable.", code="bus_unavailable")
        headers = {"Nats-Msg-Id": envelope.id}
        try:
            await self.jetstream.publish(envelope.subject, encode(envelope), timeout=_PUBLISH_TIMEOUT, headers=headers)
        except NoStreamResponseError as exc:
            await self._ensure_streams()
            raise Unavailable("The stream was gone and has been made anew.", code="bus_unavailable") from exc
        except (NatsError, TimeoutError) as exc:
            raise Unavailable("The bus did not confirm an event.", code="bus_unavailable") from exc

    async def publish_nowait(self, envelope: Envelope) -> None:
        """Publish a progress event without waiting for the server; dropped and counted if 2 MiB are pending."""
        payload = encode(envelope)
        # The library would wait seconds for its full buffer while a server hangs with its connections open.
        if self._client.pending_data_size + len(payload) > _PENDING_BYTES - _COMMAND_BYTES:
            self._metrics.events_dropped.inc()
            return
        try:
            await self._client.publish(envelope.subject, payload, headers={"Nats-Msg-Id": envelope.id})
        except NatsError:
            self._metrics.events_dropped.inc()

    async def subscribe(self, subject: str, callback: Callable[[Msg], Awaitable[None]]) -> None:
        """Subscribe to a subject or filter, at most once: messages published while disconnected are missed."""
        await self._ready.wait()
        await self._client.subscribe(subject, cb=callback)

    async def run(self) -> None:
        """Connect, create the streams that are missing, and run until cancelled."""
        try:
            await self._client.connect(
                self._config.url,
                name=f"roomtone-{self._service}",
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                connect_timeout=2,
                ping_interval=10,
                max_outstanding_pings=2,
                pending_size=_PENDING_BYTES,
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
        while not await self._ensure_streams():
            await asyncio.sleep(0.5)  # the cluster may have no leader yet; the library reconnects by itself
        self._ready.set()
        self._metrics.bus_connected.labels(self._service).set(1)
        self._last_error = ""
        self._log.info("bus connected", stream=STREAM)
        for callback in self._on_ready:
            callback()

    async def _ensure_streams(self) -> bool:
        try:
            await ensure_event_streams(self._client.jsm(), self._config)
        except (NatsError, TimeoutError) as exc:
            self._log.warning("streams not available yet", error=str(exc))
            return False
        return True

    async def _on_disconnect(self) -> None:
        self._ready.clear()
        self._metrics.bus_connected.labels(self._service).set(0)
        if not self._closing:
            self._log.warning("bus disconnected")

    async def _on_error(self, error: Exception) -> None:
        """Log an error unless it is like the last one: an unreachable server is tried every second."""
        name = type(error).__name__
        if name != self._last_error:
            self._last_error = name
            self._log.warning("bus error", error=f"{name}: {error}")

    async def _on_closed(self) -> None:
        if not self._closing:
            self._log.critical("the bus client closed for good; stopping the process so that it is restarted")
            stop_process()


@asynccontextmanager
async def open_bus(config: BusConfig, *, service: str, metrics: Metrics) -> AsyncIterator[Bus]:
    """Open the bus without waiting for the connection: a service starts, and ingest even works, without it."""
    bus = Bus(config, service=service, metrics=metrics)
    running = asyncio.create_task(bus.run(), name="bus")
    try:
        yield bus
    finally:
        await cancel_and_wait([running])  # while it connects, the library swallows a cancellation


async def last_event(bus: Bus, key: SessionKey, kind: type[Event]) -> Envelope | None:
    """Return a session's newest event of type `kind`, or None; raises Unavailable while the bus is not available."""
    if not bus.connected:
        raise Unavailable("The bus is not reachable.", code="bus_unavailable")
    try:
        message = await bus.jetstream.get_last_msg(STREAM, event_subject(key, kind.NAME), direct=True)
    except NotFoundError:
        return None
    except (NatsError, TimeoutError) as exc:
        raise Unavailable("The bus did not answer.", code="bus_unavailable") from exc
    return decode(message.data or b"")
