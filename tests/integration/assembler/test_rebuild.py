"""The catalog is lost with the whole bus, and rebuilt from the bucket."""

import os
from pathlib import Path

import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from services.assembler.rebuild_catalog import RebuildSummary, rebuild_catalog
from shared.audio.wav import wav_header
from shared.catalog.event_store import open_event_store
from shared.domain.analysis import Analysis, Transcript
from shared.domain.envelope import make_envelope
from shared.domain.events import AnalysisCompleted, AnalysisFailed
from shared.domain.identifiers import SessionKey
from shared.domain.result import RecordingResult
from shared.messaging.bus import open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from shared.storage.object_store import open_store
from shared.storage.settings import StoreConfig
from tests.environment import clean_environment
from tests.integration.audio_files import tone
from tests.integration.pipeline import (
    assembler_running,
    assembler_settings,
    ingest_running,
    ingest_settings,
    store_settings,
)
from tests.program import start_program
from tests.waiting import until

SCORE = AnalysisCompleted(
    temperature=71,
    confidence=0.5,
    analysis_summary="Heated.",
    timestamp="2026-01-01T00:00:00Z",
    scorer="test",
    transcriber="test",
)


@pytest.fixture
def store(private_store: RcloneStore) -> StoreConfig:
    return private_store.config("ascending")


async def status(folder: Path, nats_url: str, store: StoreConfig, session: str) -> dict[str, object]:
    """Return the status document of a session from an ingest with an empty spool."""
    async with ingest_running(ingest_settings(folder, nats_url, store)) as pipeline:

        async def found() -> dict[str, object] | None:
            response = await pipeline.client.get(f"/sessions/{session}")
            document: dict[str, object] = response.json()
            return document if response.status_code == 200 else None

        return await until(found, what="ingest has reached the catalog") or {}


async def test_status_and_score_are_rebuilt_after_bus_and_spool_are_lost(
    tmp_path: Path, nats_url: str, private_nats: NatsServer, store: StoreConfig
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with (
        ingest_running(ingest_settings(first, nats_url, store)) as pipeline,
        assembler_running(assembler_settings(first, nats_url, store)),
        open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as bus,
        open_store(store) as objects,
    ):
        await pipeline.send("phoenix", tone(1))
        assert (await pipeline.finalize("phoenix")).status_code == 200
        await bus.wait_ready()
        key = SessionKey("default", "phoenix")
        events = open_event_store(bus, objects, replicas=1)
        assert await events.append(make_envelope("analyzer", key, SCORE, cause="x", trace=new_trace()))
    before = await status(second, nats_url, store, "phoenix")
    found = await rebuild_catalog(assembler_settings(second, private_nats.url, store))
    assert found == RebuildSummary(events=2)
    after = await status(second, private_nats.url, store, "phoenix")
    for signed in (before, after):
        audio = signed["audio"]
        assert isinstance(audio, dict)
        assert audio.pop("download_url")
    assert after == before
    assert after["state"] == "analyzed"


async def test_a_wav_without_archived_events_gets_a_catalog_record(
    tmp_path: Path, private_nats: NatsServer, store: StoreConfig
) -> None:
    wav = wav_header(32_000) + tone(1)
    async with open_store(store) as objects:
        await objects.put("acme/audio_old.wav", wav, content_type="audio/wav", metadata={})
        await objects.put("audio_old.wav", wav, content_type="audio/wav", metadata={})
        await objects.put("elsewhere/deep/audio_no.wav", wav, content_type="audio/wav", metadata={})
    assert await rebuild_catalog(assembler_settings(tmp_path, private_nats.url, store)) == RebuildSummary(
        bare_recordings=2
    )
    document = await status(tmp_path, private_nats.url, store, "old")
    assert document["state"] == "ready"
    audio = document["audio"]
    assert isinstance(audio, dict)
    assert (audio["size_bytes"], audio["duration_seconds"]) == (32_044, 1.0)


@pytest.mark.parametrize("state", ["analyzed", "failed"])
async def test_a_result_without_an_archived_event_gets_its_event_back_and_its_lead(
    tmp_path: Path, private_nats: NatsServer, store: StoreConfig, state: str
) -> None:
    analysis = Analysis(temperature=71, confidence=0.5, summary="Heated.", scorer="test")
    result = RecordingResult(
        tenant="acme",
        session="unheard",
        lead="7",
        cause="0" * 32,
        audio_time="2026-01-01T00:00:00.000Z",
        timestamp="2026-01-01T00:01:00.000Z",
        transcript=Transcript(language="en", engine="test"),
        analysis=analysis if state == "analyzed" else None,
    )
    settings = assembler_settings(tmp_path, private_nats.url, store)
    async with (
        open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus,
        open_store(store) as objects,
    ):
        await bus.wait_ready()
        events = open_event_store(bus, objects, replicas=1)
        stored = await events.results.put(result)
        await objects.put("acme/audio_unheard.wav", wav_header(0), content_type="audio/wav", metadata={})
        assert await rebuild_catalog(settings) == RebuildSummary(bare_recordings=1, bare_results=1)
        record = await events.catalog.get(result.key)
        assert record is not None
        assert record.lead == "7"
        assert isinstance(record.analysis, AnalysisCompleted if state == "analyzed" else AnalysisFailed)
        assert record.analysis.result == stored
        assert await rebuild_catalog(settings) == RebuildSummary()
        await events.delete_session(result.key, record)
        await events.results.put(result)  # as if a backup of the bucket were restored
        assert await rebuild_catalog(settings) == RebuildSummary(deleted=2)


async def test_an_object_that_is_no_result_is_counted_and_stops_nothing(
    tmp_path: Path, private_nats: NatsServer, store: StoreConfig
) -> None:
    async with open_store(store) as objects:
        await objects.put("analysis_broken.json", b"{}", content_type="application/json", metadata={})
        await objects.put("audio_whole.wav", wav_header(0), content_type="audio/wav", metadata={})
    found = await rebuild_catalog(assembler_settings(tmp_path, private_nats.url, store))
    assert found == RebuildSummary(bare_recordings=1, unreadable=1)


async def test_a_second_rebuild_changes_nothing_and_restores_nothing_deleted(
    tmp_path: Path, private_nats: NatsServer, store: StoreConfig
) -> None:
    settings = assembler_settings(tmp_path, private_nats.url, store)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        for session in ("stored", "dropped"):
            await pipeline.send(session, tone(1))
            await pipeline.finalize(session)
        before = (await pipeline.client.get("/sessions/stored")).json()
        await pipeline.client.delete("/sessions/dropped")
        async with open_store(store) as objects:  # as if a backup of the bucket were restored
            await objects.put("audio_dropped.wav", wav_header(2) + b"xx", content_type="audio/wav", metadata={})
        for _ in range(2):
            assert await rebuild_catalog(settings) == RebuildSummary(events=1, deleted=1)
        after = (await pipeline.client.get("/sessions/stored")).json()
        assert {**after, "audio": None} == {**before, "audio": None}
        assert (await pipeline.client.get("/sessions/dropped")).status_code == 404


async def test_the_command_reports_what_it_found_and_what_it_could_not_read(
    tmp_path: Path, private_nats: NatsServer, store: StoreConfig
) -> None:
    async with open_store(store) as objects:
        await objects.put(".roomtone/default/x/audio.ready.json", b"{}", content_type="text/plain", metadata={})
    status, last_line = await command(tmp_path, private_nats.url, store)
    assert status == 1
    assert "1 unreadable" in last_line


async def test_the_command_fails_clearly_without_a_store(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, store: StoreConfig
) -> None:
    await private_store.kill()
    status, last_line = await command(tmp_path, private_nats.url, store)
    assert status == 1
    assert last_line.startswith("rebuild-catalog: The store is not reachable.")


async def command(folder: Path, nats_url: str, store: StoreConfig) -> tuple[int, str]:
    settings = {name.upper(): str(value) for name, value in store_settings(store).items()}
    places = {"NATS_URL": nats_url, "LOCAL_TEMP_CHUNK_PATH": str(folder)}
    environment = {**clean_environment(os.environ), **settings, **places}
    process = await start_program("services.assembler", "rebuild-catalog", environment=environment, piped=True)
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().splitlines()[-1]
