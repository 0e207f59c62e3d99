"""`GET /sessions/{id}/transcript` and `/analysis`: for whom, when there is nothing, and of older versions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.nats_server import NatsServer
from shared.catalog.event_store import EventStore, open_event_store
from shared.domain.analysis import TranscriptLine
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioFailed
from shared.messaging.bus import Bus
from shared.storage.object_store import ObjectStore
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import tone
from tests.integration.ingest.stored_results import READY, SCORED_AT, analyzed, envelope
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings

OLD_SCORE = AnalysisCompleted(
    temperature=12,
    confidence=0.25,
    analysis_summary="Calm.",
    timestamp=SCORED_AT,
    scorer="local-1",
    transcriber="old-model",
    transcript=(TranscriptLine(start=0, end=1, text="Hello."),),
    transcript_truncated=True,
)


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), nats_url, store_config, **token_settings())
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture
def events(bus: Bus, store: ObjectStore) -> EventStore:
    return open_event_store(bus, store, replicas=1)


async def get(pipeline: Pipeline, path: str, **headers: str) -> Any:
    return await pipeline.client.get(f"/sessions/{path}", headers={**bearer(), **headers})


@pytest.mark.parametrize("path", ["transcript", "analysis"])
async def test_another_tenants_and_another_leads_are_not_found(
    pipeline: Pipeline, events: EventStore, path: str
) -> None:
    session = await analyzed(events, f"of-lead-7-{path}", lead="7")
    theirs = await analyzed(events, f"of-acme-{path}", tenant="acme")
    missing = await pipeline.client.get(f"/sessions/never/{path}", headers=bearer())
    assert missing.status_code == 404
    for name, token in ((session, bearer(leads=["8"])), (theirs, bearer()), (session, bearer(tenant_id="acme"))):
        response = await pipeline.client.get(f"/sessions/{name}/{path}", headers=token)
        assert (response.status_code, response.text) == (404, missing.text.replace("never", name))
    for name, token in ((session, bearer(leads=["7"])), (session, bearer()), (theirs, bearer(tenant_id="acme"))):
        assert (await pipeline.client.get(f"/sessions/{name}/{path}", headers=token)).status_code == 200


@pytest.mark.parametrize("path", ["transcript", "analysis"])
async def test_the_scope_is_audio_read(pipeline: Pipeline, events: EventStore, path: str) -> None:
    session = await analyzed(events, "scoped")
    url = f"/sessions/{session}/{path}"
    assert (await pipeline.client.get(url)).status_code == 401
    assert (await pipeline.client.get(url, headers=bearer(scope="audio:write events:read"))).status_code == 403
    assert (await pipeline.client.get(url, headers=bearer(scope="audio:read"))).status_code == 200
    assert (await get(pipeline, f"..%2F{session}/{path}")).status_code == 400


@pytest.mark.parametrize("path", ["transcript", "analysis"])
async def test_there_is_nothing_before_the_analysis_and_after_a_failure_and_the_message_says_why(
    pipeline: Pipeline, events: EventStore, path: str
) -> None:
    octets = {"Content-Type": "application/octet-stream", **bearer()}
    await pipeline.client.post(f"/upload_chunk/receiving-{path}", content=tone(1), headers=octets)
    await events.append(envelope(f"ready-{path}", READY))
    for session in (f"receiving-{path}", f"ready-{path}"):
        response = await get(pipeline, f"{session}/{path}")
        assert (response.status_code, response.json()["code"]) == (404, "no_result")
    failed = AnalysisFailed(code="model_failed", reason="The model fell over.")
    await events.append(envelope(f"unscored-{path}", failed))
    no_audio = AudioFailed(code="bad_media", reason="It is a picture.", manifest_sha256="0" * 64)
    await events.append(envelope(f"silent-movie-{path}", no_audio))
    for session, event in ((f"unscored-{path}", failed), (f"silent-movie-{path}", no_audio)):
        response = await get(pipeline, f"{session}/{path}")
        assert (response.status_code, response.json()["code"]) == (404, event.code)
        assert event.reason in response.json()["message"]


async def test_a_language_that_is_not_supported_has_a_transcript_and_no_analysis(
    pipeline: Pipeline, events: EventStore
) -> None:
    session = await analyzed(events, "foreign-read", analysis=None)
    status = (await get(pipeline, session)).json()
    assert (status["state"], status["error"]["code"], status["analysis"]) == ("failed", "language_not_supported", None)
    assert status["audio"] is not None
    assert (await get(pipeline, f"{session}/transcript?format=txt")).text.startswith("[0:00] agent: Mörning.")
    response = await get(pipeline, f"{session}/analysis")
    assert (response.status_code, response.json()["code"]) == (404, "language_not_supported")
    assert "language" in response.json()["message"]


async def test_an_older_versions_recording_has_what_its_event_had(pipeline: Pipeline, events: EventStore) -> None:
    await events.append(envelope("old", READY))
    await events.append(envelope("old", OLD_SCORE))
    transcript = (await get(pipeline, "old/transcript")).json()
    assert (transcript["language"], transcript["engine"], transcript["partial"]) == (None, "old-model", True)
    assert [line["text"] for line in transcript["segments"]] == ["Hello."]
    analysis = (await get(pipeline, "old/analysis")).json()
    assert (analysis["temperature"], analysis["analysis_summary"], analysis["scorer"]) == (12, "Calm.", "local-1")
    assert (analysis["evidence"], analysis["timeline"], analysis["silence_seconds"]) == ([], [], None)


async def test_a_result_that_vanished_or_is_spoilt_is_said_to_be_so(
    pipeline: Pipeline, events: EventStore, store: ObjectStore
) -> None:
    session = await analyzed(events, "vanished", analysis=None)
    await store.delete("analysis_vanished.json")
    response = await get(pipeline, f"{session}/transcript")
    assert (response.status_code, response.json()["code"]) == (404, "result_missing")
    await store.put("analysis_vanished.json", b"{}", content_type="application/json", metadata={})
    response = await get(pipeline, f"{session}/transcript")
    assert (response.status_code, response.json()["code"]) == (500, "result_spoilt")


async def test_a_deleted_session_has_neither_and_its_result_is_in_the_receipt(
    pipeline: Pipeline, events: EventStore, store: ObjectStore
) -> None:
    session = await analyzed(events, "erased")
    receipt = (await pipeline.client.delete(f"/sessions/{session}", headers=bearer())).json()
    assert "analysis_erased.json" in receipt["deleted"]
    assert await store.head("analysis_erased.json") is None
    for path in ("transcript", "analysis"):
        assert (await get(pipeline, f"{session}/{path}")).status_code == 404


async def test_while_the_catalog_is_away_the_answer_is_503_and_not_404(
    tmp_path: Path, private_nats: NatsServer, store_config: StoreConfig
) -> None:
    async with ingest_running(ingest_settings(tmp_path, private_nats.url, store_config)) as pipeline:
        await pipeline.send("offline", tone(1))
        await private_nats.kill()
        for path in ("transcript", "analysis"):
            response = await pipeline.client.get(f"/sessions/offline/{path}")
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
