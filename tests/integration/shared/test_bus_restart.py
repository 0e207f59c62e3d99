"""What the bus has confirmed is there after its server was killed: events and records alike."""

from deploy.local.nats_server import NatsServer
from shared.catalog.catalog import Catalog
from shared.domain.envelope import make_envelope
from shared.domain.events import SessionExpired, SessionFinalized
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace

KEY = SessionKey("default", "call")


async def test_a_killed_server_has_forgotten_neither_an_event_nor_a_record(private_nats: NatsServer) -> None:
    config, trace = BusConfig(url=private_nats.url), new_trace()
    order = make_envelope(
        "ingest", KEY, SessionFinalized(manifest_sha256="0", chunks=1, bytes=1), cause="0", trace=trace
    )
    end = SessionExpired(chunks=1, bytes=1, untouched_since="2026-01-01T00:00:00Z")
    async with open_bus(config, service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        await bus.publish(order)
        record = await Catalog(bus, replicas=1).apply(make_envelope("ingest", KEY, end, cause="0", trace=trace))
    await private_nats.kill()
    await private_nats.start()
    async with open_bus(config, service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        found = await last_event(bus, KEY, SessionFinalized)
        assert found is not None
        assert found.event == order.event
        assert await Catalog(bus, replicas=1).get(KEY) == record
