"""The notifier's application: its hub, its feed from the bus and its route."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from services.notifier.feed import EventFeed
from services.notifier.hub import Hub
from services.notifier.routes import notify_routes
from services.notifier.settings import NotifierSettings
from shared.auth.authenticator import create_authenticator
from shared.messaging.bus import open_bus
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks
from shared.runtime.service import Service, create_service_app

SERVICE = "notifier"


def create_service(settings: NotifierSettings, metrics: Metrics) -> Service:
    """Return the notifier as a service; it is ready while events reach it, not merely while it is connected."""
    hub = Hub(
        max_clients=settings.notify_max_clients,
        max_buffered=settings.notify_max_buffered,
        heartbeat_seconds=settings.notify_heartbeat_seconds,
        metrics=metrics,
    )
    feed = EventFeed(hub)
    authenticator = create_authenticator(settings.jwt_config(), metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        # Clients are disconnected before this ends; then the feed stops before its bus is closed.
        async with open_bus(settings.bus_config(), service=SERVICE, metrics=metrics) as bus:
            heartbeats = _send_heartbeats(hub, settings.notify_heartbeat_seconds)
            async with background_tasks(feed.run(bus), heartbeats):
                yield {}

    return create_service_app(
        SERVICE,
        routes=notify_routes(hub, settings.cors_allowed_origins, authenticator),
        lifespan=lifespan,
        checks=[lambda _state: feed.check()],
        metrics=metrics,
        authenticator=authenticator,
        origins=settings.origin_policy(),
    )


async def _send_heartbeats(hub: Hub, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        hub.broadcast_heartbeat()
