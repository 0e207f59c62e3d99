"""The analyzer is killed between the result and its event: the next one publishes that result, not another."""

import hashlib
from pathlib import Path

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from deploy.local.ports import free_ports
from shared.domain.events import AnalysisCompleted
from shared.messaging.bus import last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.storage.object_store import open_store
from tests.integration.analyzer.recordings import outcome, put, wav_of
from tests.integration.pipeline import store_settings
from tests.service_process import ServiceProcess
from tests.waiting import until


async def test_a_result_that_a_killed_analyzer_stored_is_published_by_the_next_one(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore
) -> None:
    config = object_store.config()
    store_names = {name.upper(): str(value) for name, value in store_settings(config).items()}
    settings = {"NATS_URL": private_nats.url, "PORT": str(free_ports(1)[0]), "REDELIVERY_SECONDS": "2", **store_names}
    result = object_store.bucket_folder / "analysis_cut-off.json"
    async with (
        open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus,
        open_store(config) as store,
    ):
        await bus.wait_ready()
        job = await put(store, "cut-off", wav_of(bytes(64_000)))
        await bus.publish(job)
        killed = ServiceProcess("analyzer", tmp_path, {**settings, "FAILPOINTS": "analyzer.stored=kill"})
        await killed.start()
        await until(result.exists, within=60, what="the result to be stored")
        await killed.kill()
        stored = result.read_bytes()
        assert await last_event(bus, job.key, AnalysisCompleted) is None
        async with ServiceProcess("analyzer", tmp_path, settings):
            published = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(published.event, AnalysisCompleted)
    assert published.event.result is not None
    assert published.event.result.sha256 == hashlib.sha256(stored).hexdigest()
    assert published.event.timestamp.encode() in stored
    assert result.read_bytes() == stored
