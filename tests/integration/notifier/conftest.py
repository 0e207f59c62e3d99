"""A notifier and a publisher on the bus that all tests share."""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest

from services.notifier.settings import NotifierSettings
from shared.messaging.bus import Bus
from tests.integration.notifier.serving import Notifier, publishing, serving_notifier


@pytest.fixture(scope="module")
async def notifier(nats_url: str) -> AsyncIterator[Notifier]:
    settings = NotifierSettings(
        nats_url=nats_url,
        cors_allowed_origins=("https://app.example.com",),
        notify_heartbeat_seconds=0.2,
        notify_max_buffered=256 * 1024,
    )
    async with serving_notifier(settings) as running:
        yield running


@pytest.fixture(scope="module")
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with publishing(nats_url) as opened:
        yield opened


@pytest.fixture
def session() -> str:
    """A session of the test's own."""
    return f"s{token_hex(8)}"
