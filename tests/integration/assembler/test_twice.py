"""Each step of the assembler done twice, as after a crash between any two of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest

from deploy.local.nats_server import NatsServer
from services.assembler.assemble import Assembler
from services.assembler.worker import AssemblyWorker
from shared.audio.ffmpeg_process import DecodePolicy
from shared.catalog.event_store import open_event_store
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.errors import Permanent, Unavailable
from shared.domain.events import AudioFailed, AudioReady, Event, SessionFinalized
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import STREAM, event_subject
from shared.messaging.bus import Bus, last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.storage.object_store import ObjectStore
from shared.storage.settings import StoreConfig
from shared.storage.spool import Spool
from tests.integration.audio_files import encoded, samples_of, tone
from tests.integration.pipeline import download, ingest_running, ingest_settings
from tests.waiting import until

ASYNC = {"Prefer": "respond-async"}


@dataclass(frozen=True, slots=True)
class FinalizedSession:
    """A finalized session's job, and a worker for it."""

    job: Envelope
    worker: AssemblyWorker
    bus: Bus

    @property
    def spool(self) -> Spool:
        return self.worker.spool

    async def published(self, kind: type[Event]) -> int:
        subject = event_subject(self.job.key, kind.NAME)
        about = await self.bus.jetstream.stream_info(STREAM, subjects_filter=subject)
        return (about.state.subjects or {}).get(subject, 0)


@pytest.fixture
async def bus(private_nats: NatsServer) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


@pytest.fixture(params=["pcm", "flac"])
async def work(
    request: pytest.FixtureRequest, tmp_path: Path, bus: Bus, store: ObjectStore, store_config: StoreConfig
) -> FinalizedSession:
    key = SessionKey("default", f"twice-{tmp_path.name}"[:100])
    content = tone(2) if request.param == "pcm" else encoded("flac")
    async with ingest_running(ingest_settings(tmp_path, bus.config.url, store_config)) as pipeline:
        await pipeline.send(key.session, content)
        assert (await pipeline.client.post(f"/finalize/{key.session}", headers=ASYNC)).status_code == 202

        async def job() -> Envelope | None:
            return await last_event(bus, key, SessionFinalized)

        found = await until(job)
    assert found is not None
    spool = Spool(tmp_path)
    assembler = Assembler(spool, store, DecodePolicy(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe()))
    return FinalizedSession(found, AssemblyWorker(spool, open_event_store(bus, store, replicas=1), assembler), bus)


async def test_a_session_assembled_again_after_each_step_has_one_result_and_one_recording(
    work: FinalizedSession, store_config: StoreConfig
) -> None:
    directory = work.spool.session(work.job.key)
    stored = directory.read_manifest()
    assert stored is not None
    uploaded = await work.worker.assembler.assemble(directory, stored)  # and died before publishing
    assert await work.worker.assembler.assemble(directory, stored) == uploaded
    await work.worker.handle(work.job)
    outcome = directory.read_result()
    assert outcome is not None
    assert outcome.event == uploaded
    directory.result.unlink()  # died after publishing, before writing the result: chunks are erased only after that
    for _ in range(2):
        work.spool.finish_session(directory, outcome)
        await work.worker.handle(work.job)
    assert await work.published(AudioReady) == 1
    assert samples_of(await download(store_config, f"audio_{work.job.key.session}.wav")) == tone(2)
    assert directory.chunk_sizes() == {}
    assert list(work.spool.temporaries.iterdir()) == []


async def test_a_job_given_up_twice_and_run_again_has_failed_once(work: FinalizedSession) -> None:
    directory = work.spool.session(work.job.key)
    await work.worker.give_up(work.job, Unavailable("The store is away."))
    first = directory.read_result()
    await work.worker.give_up(work.job, Permanent("It ended its process.", code="crashed"))
    await work.worker.handle(work.job)
    assert directory.read_result() == first
    assert await work.published(AudioFailed) == 1
    assert await work.published(AudioReady) == 0
    assert len(directory.chunk_sizes()) == 1


@pytest.mark.parametrize("then", ["again", "given up"])
async def test_a_published_audio_ready_is_not_followed_by_a_failure(work: FinalizedSession, then: str) -> None:
    directory = work.spool.session(work.job.key)
    stored = directory.read_manifest()
    assert stored is not None
    ready = await work.worker.assembler.assemble(directory, stored)
    published = make_envelope("assembler", work.job.key, ready, cause=stored.sha256, trace=work.job.trace)
    await work.worker.event_store.append_publish_first(published, archive=False)  # and died
    directory.chunk(0).write_bytes(b"corrupt since")
    if then == "again":
        await work.worker.handle(work.job)
    else:
        await work.worker.give_up(work.job, Unavailable("The store is away."))
    outcome = directory.read_result()
    assert outcome is not None
    assert outcome.event == ready
    assert len(directory.chunk_sizes()) == (0 if then == "again" else 1)
    assert await work.published(AudioFailed) == 0
    await work.worker.handle(work.job)  # as a retry of its dead letter does
    assert directory.chunk_sizes() == {}
    assert await work.published(AudioReady) == 1
