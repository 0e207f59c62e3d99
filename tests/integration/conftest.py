"""A bus and a bucket of the tests' own, opened as the services open theirs."""

from collections.abc import AsyncIterator

import pytest

from shared.messaging.bus import Bus, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.settings import StoreConfig


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as opened:
        await opened.wait_ready()
        yield opened


@pytest.fixture
async def store(store_config: StoreConfig) -> AsyncIterator[ObjectStore]:
    async with open_store(store_config) as opened:
        yield opened
