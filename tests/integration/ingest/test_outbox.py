"""The outbox by itself, without the scanner of the spool that would find again what it forgot."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.nats_server import NatsServer
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.finalization.outbox import Outbox
from services.ingest.finalization.result_waiters import ResultWaiters
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.events import SessionFinalized
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks
from shared.storage.spool import Spool
from tests.waiting import until

KEY = SessionKey("default", "call")


async def test_a_manifest_that_the_bus_has_not_confirmed_is_not_marked_and_is_published_once_it_is_back(
    tmp_path: Path, private_nats: NatsServer
) -> None:
    await private_nats.kill()
    spool, metrics = Spool(tmp_path), Metrics()
    spool.prepare()
    directory = spool.create_directory(KEY)
    directory.chunk(0).write_bytes(b"chunk")
    with ThreadPoolExecutor(1) as executor:
        async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=metrics) as bus:
            outbox = Outbox(executor, bus, metrics)
            manifests = ManifestWriter(spool, SessionCache())
            finalizer = Finalizer(spool, manifests, outbox, ResultWaiters(bus), executor, wait_seconds=1)
            assert await finalizer.finalize(KEY, wait=False) is None
            async with background_tasks(outbox.run()):
                await until(lambda: metrics.registry.get_sample_value("outbox_pending") == 1)
                assert not directory.published.exists()
                await private_nats.start()
                await until(directory.published.exists)
            assert await last_event(bus, KEY, SessionFinalized) is not None
