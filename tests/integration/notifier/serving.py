"""Runs the notifier as a real server on a free port, and publishes events to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from services.notifier.app import create_service
from services.notifier.settings import NotifierSettings
from shared.messaging.bus import Bus, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.runtime.service import Service
from tests import serving
from tests.waiting import until

Frame = dict[str, Any]

WITHIN = 10.0


@dataclass
class Notifier:
    """A running notifier; `base` is its address over HTTP."""

    service: Service
    metrics: Metrics
    base: str

    @property
    def url(self) -> str:
        return f"ws://{urlsplit(self.base).netloc}/notify"

    async def ready(self) -> bool:
        return [await check({}) for check in self.service.checks] == [None]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0


@asynccontextmanager
async def serving_notifier(settings: NotifierSettings, *, ready: bool = True) -> AsyncIterator[Notifier]:
    """Serve for the length of the block; by default the notifier is ready at its start."""
    metrics = Metrics()
    service = create_service(settings, metrics)
    async with serving.serving(service, settings) as base:
        notifier = Notifier(service, metrics, base)
        if ready:
            await until(notifier.ready, what="the notifier is ready")
        yield notifier


@asynccontextmanager
async def publishing(nats_url: str) -> AsyncIterator[Bus]:
    """Open a bus to publish with."""
    async with open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as bus:
        await asyncio.wait_for(bus.wait_ready(), WITHIN)
        yield bus


@asynccontextmanager
async def connect_listener(notifier: Notifier, query: str = "", **options: Any) -> AsyncIterator[ClientConnection]:
    """Connect a client and receive the hello."""
    async with connect(f"{notifier.url}{query}", proxy=None, **options) as client:
        hello = await frame_of(client)
        assert hello["event"] == "hello"
        yield client


async def frame_of(client: ClientConnection) -> Frame:
    """Return the next frame that is not a heartbeat."""
    while True:
        text = await asyncio.wait_for(client.recv(), WITHIN)
        assert isinstance(text, str)
        frame: Frame = json.loads(text)
        if frame["event"] != "heartbeat":
            return frame


async def close_code_of(client: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; return the code and the reason that it sent."""
    with suppress(ConnectionClosed):
        while True:
            await frame_of(client)
    assert client.close_code is not None
    assert client.close_reason is not None
    return client.close_code, client.close_reason


def small_buffer_socket(url: str) -> socket.socket:
    """Connect with a receive buffer so small that the server soon notices a client that does not read."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect((urlsplit(url).hostname, urlsplit(url).port))
    return narrow
