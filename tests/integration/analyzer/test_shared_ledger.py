import asyncio

import pytest

from deploy.local.nats_server import NatsServer
from services.analyzer.openai_api.budget import Spending
from services.analyzer.openai_api.shared_ledger import BUCKET, SharedLedger
from shared.domain.errors import Unavailable
from shared.messaging.bus import Bus, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics


async def test_what_replicas_count_at_once_adds_up(bus: Bus) -> None:
    replicas = [SharedLedger(bus, replicas=1) for _ in range(4)]
    await asyncio.gather(*(ledger.add("2026-01-02", Spending(1.5, 10)) for ledger in replicas))
    assert await replicas[0].add("2026-01-02", Spending(seconds=-1)) == Spending(5.0, 40)


async def test_days_are_counted_apart_and_forgotten_after_two(bus: Bus) -> None:
    ledger = SharedLedger(bus, replicas=1)
    await ledger.add("2026-01-03", Spending(tokens=7))
    assert await ledger.add("2026-01-04", Spending(tokens=5)) == Spending(tokens=5)
    status = await (await bus.jetstream.key_value(BUCKET)).status()
    assert status.ttl == 2 * 24 * 3600


async def test_an_entry_that_can_not_be_read_is_counted_anew(bus: Bus) -> None:
    ledger = SharedLedger(bus, replicas=1)
    await ledger.add("2026-01-05", Spending(tokens=7))
    await (await bus.jetstream.key_value(BUCKET)).put("2026-01-05", b"a lot")
    assert await ledger.add("2026-01-05", Spending(tokens=5)) == Spending(tokens=5)


async def test_a_ledger_whose_bus_is_away_says_so(private_nats: NatsServer) -> None:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as away:
        await away.wait_ready()
        ledger = SharedLedger(away, replicas=1)
        await ledger.add("2026-01-06", Spending(tokens=1))
        await private_nats.kill()
        with pytest.raises(Unavailable):
            await ledger.add("2026-01-06", Spending(tokens=1))
