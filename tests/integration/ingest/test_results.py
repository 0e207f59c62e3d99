"""`GET /sessions/{id}/transcript` and `/analysis`: every format, for the callers that may see the session."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.local.nats_server import NatsServer
from shared.catalog.event_store import EventStore, open_event_store
from shared.domain.analysis import Analysis, ChannelAnalysis, Evidence, TimelineWindow, Transcript, TranscriptLine
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioFailed, AudioReady, Event
from shared.domain.identifiers import SessionKey
from shared.domain.result import RecordingResult
from shared.domain.result_events import result_envelope
from shared.messaging.bus import Bus
from shared.observability.trace import new_trace
from shared.storage.object_store import ObjectStore
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import tone
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings

SCORED_AT = "2026-01-01T00:01:00.000Z"
TRANSCRIPT = Transcript(
    language="en",
    engine="some-model",
    segments=(
        TranscriptLine(
            start=0.5, end=2.25, text="Mörning.", channel="agent", speaker="agent", speaker_source="channel"
        ),
        TranscriptLine(start=61.0, end=62.5, text="Is 2 < 3 & so on?"),
    ),
)
ANALYSIS = Analysis(
    temperature=61,
    confidence=0.5,
    summary="Heated.",
    scorer="some-scorer",
    reason_codes=("demand",),
    needs_review=True,
    evidence=(Evidence(start=0.5, end=2.25, channel="agent", quote="Mörning", reason="demand"),),
    timeline=(TimelineWindow(start=0, end=10, temperature=61),),
    channels=(
        ChannelAnalysis(
            name="agent",
            temperature=61,
            talk_seconds=1.75,
            talk_share=1,
            overlap_seconds=0,
            interruptions=0,
            longest_monologue_seconds=1.75,
        ),
    ),
    silence_seconds=58.75,
)
BODIES = {
    "txt": "[0:00] agent: Mörning.\n[1:01] Is 2 < 3 & so on?\n",
    "srt": (
        "1\n00:00:00,500 --> 00:00:02,250\nagent: Mörning.\n\n2\n00:01:01,000 --> 00:01:02,500\nIs 2 < 3 & so on?\n\n"
    ),
    "vtt": (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.250\n<v agent>Mörning.\n\n"
        "00:01:01.000 --> 00:01:02.500\nIs 2 &lt; 3 &amp; so on?\n\n"
    ),
}
TYPES = {"txt": "text/plain; charset=utf-8", "srt": "application/x-subrip", "vtt": "text/vtt; charset=utf-8"}
READY = AudioReady(
    url="https://bucket.example/x",
    filename="x.wav",
    object_key="x.wav",
    size_bytes=44,
    sha256="0" * 64,
    duration_seconds=63,
    manifest_sha256="0" * 64,
)
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


def envelope(session: str, event: Event, *, tenant: str = "default", lead: str | None = None) -> Envelope:
    key = SessionKey(tenant, session)
    return make_envelope("test", key, event, cause="x", trace=new_trace(), lead=lead)


async def analyzed(
    events: EventStore,
    session: str,
    *,
    transcript: Transcript = TRANSCRIPT,
    analysis: Analysis | None = ANALYSIS,
    tenant: str = "default",
    lead: str | None = None,
) -> str:
    """Store a session's result and append its events, as assembler and analyzer do; returns the session."""
    await events.append(envelope(session, READY, tenant=tenant, lead=lead))
    result = RecordingResult(
        tenant=tenant,
        session=session,
        lead=lead,
        cause="0" * 32,
        audio_time=SCORED_AT,
        timestamp=SCORED_AT,
        transcript=transcript,
        analysis=analysis,
    )
    assert await events.append(result_envelope(result, await events.results.put(result), new_trace()))
    return session


async def get(pipeline: Pipeline, path: str, **headers: str) -> Any:
    return await pipeline.client.get(f"/sessions/{path}", headers={**bearer(), **headers})


async def test_a_transcript_in_json_has_every_member(pipeline: Pipeline, events: EventStore) -> None:
    session = await analyzed(events, "read-json")
    response = await get(pipeline, f"{session}/transcript")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    unknown = {"channel": None, "speaker": None, "speaker_source": None}
    assert response.json() == {
        "session_id": session,
        "language": "en",
        "engine": "some-model",
        "complete": True,
        "partial": False,
        "segments": [
            {
                "start": 0.5,
                "end": 2.25,
                "text": "Mörning.",
                "channel": "agent",
                "speaker": "agent",
                "speaker_source": "channel",
            },
            {"start": 61.0, "end": 62.5, "text": "Is 2 < 3 & so on?", **unknown},
        ],
    }


@pytest.mark.parametrize("name", ["txt", "srt", "vtt"])
async def test_a_transcript_in_every_other_format_is_these_bytes(
    pipeline: Pipeline, events: EventStore, name: str
) -> None:
    session = await analyzed(events, f"read-{name}")
    asked = await get(pipeline, f"{session}/transcript?format={name}", Accept="application/json")
    accepted = await get(pipeline, f"{session}/transcript", Accept=f"{TYPES[name].partition(';')[0]}, */*;q=0.1")
    for response in (asked, accepted):
        assert (response.status_code, response.headers["content-type"]) == (200, TYPES[name])
        assert response.content == BODIES[name].encode()
        assert response.headers["vary"] == "Accept"


async def test_without_speech_the_files_are_empty_and_valid(pipeline: Pipeline, events: EventStore) -> None:
    session = await analyzed(events, "read-nothing", transcript=replace(TRANSCRIPT, segments=()))
    bodies = {name: (await get(pipeline, f"{session}/transcript?format={name}")).text for name in BODIES}
    assert bodies == {"txt": "", "srt": "", "vtt": "WEBVTT\n\n"}
    assert (await get(pipeline, f"{session}/transcript")).json()["segments"] == []


async def test_an_unknown_format_is_400_in_the_groups_shape(pipeline: Pipeline, events: EventStore) -> None:
    session = await analyzed(events, "read-xml")
    response = await get(pipeline, f"{session}/transcript?format=xml")
    assert response.status_code == 400
    assert set(response.json()) == {"status", "message", "code", "session_id"}
    assert (response.json()["code"], response.json()["session_id"]) == ("invalid_format", session)
    assert (await get(pipeline, f"{session}/transcript", Accept="image/png")).json()["session_id"] == session


async def test_an_analysis_has_every_member(pipeline: Pipeline, events: EventStore) -> None:
    session = await analyzed(events, "why")
    response = await get(pipeline, f"{session}/analysis")
    assert response.status_code == 200
    assert response.json() == {
        "session_id": session,
        "final": True,
        "temperature": 61,
        "confidence": 0.5,
        "analysis_summary": "Heated.",
        "timestamp": SCORED_AT,
        "scorer": "some-scorer",
        "reason_codes": ["demand"],
        "needs_review": True,
        "evidence": [{"start": 0.5, "end": 2.25, "channel": "agent", "quote": "Mörning", "reason": "demand"}],
        "timeline": [{"start": 0.0, "end": 10.0, "temperature": 61, "channel": None}],
        "channels": [
            {
                "name": "agent",
                "temperature": 61,
                "talk_seconds": 1.75,
                "talk_share": 1.0,
                "overlap_seconds": 0.0,
                "interruptions": 0,
                "longest_monologue_seconds": 1.75,
            }
        ],
        "silence_seconds": 58.75,
    }


@pytest.mark.parametrize("path", ["transcript", "transcript?format=vtt", "analysis"])
async def test_a_client_that_has_it_already_gets_304_and_a_head_only_the_headers(
    pipeline: Pipeline, events: EventStore, path: str
) -> None:
    session = await analyzed(events, "cached")
    whole = await get(pipeline, f"{session}/{path}")
    etag = whole.headers["etag"]
    assert whole.headers["cache-control"] == "private, no-cache"
    for tags in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        again = await get(pipeline, f"{session}/{path}", **{"If-None-Match": tags})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await get(pipeline, f"{session}/{path}", **{"If-None-Match": '"other"'})).status_code == 200
    head = await pipeline.client.head(f"/sessions/{session}/{path}", headers=bearer())
    assert (head.status_code, head.content) == (200, b"")
    names = ("etag", "content-type", "content-length", "cache-control", "vary")
    assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]


async def test_the_etag_is_another_for_each_format_and_each_result(pipeline: Pipeline, events: EventStore) -> None:
    session = await analyzed(events, "changing")
    paths = ("transcript", "transcript?format=txt", "transcript?format=srt", "transcript?format=vtt")
    tags = {(await get(pipeline, f"{session}/{path}")).headers["etag"] for path in paths}
    await analyzed(events, "changing", transcript=replace(TRANSCRIPT, segments=()))
    tags |= {(await get(pipeline, f"{session}/{path}")).headers["etag"] for path in paths}
    assert len(tags) == 8


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
    assert (await get(pipeline, f"{session}/transcript?format=txt")).text == BODIES["txt"]
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


async def test_an_hour_of_talk_is_served_whole(pipeline: Pipeline, events: EventStore) -> None:
    lines = tuple(
        TranscriptLine(start=second, end=second + 0.9, text="We looked at it again and it still does not fit.")
        for second in range(3600)
    )
    session = await analyzed(events, "long", transcript=replace(TRANSCRIPT, segments=lines))
    response = await get(pipeline, f"{session}/transcript")
    assert len(response.json()["segments"]) == 3600
    assert (await get(pipeline, f"{session}/transcript?format=vtt")).text.count(" --> ") == 3600
    assert len(json.loads(response.content)["segments"][0]["text"]) == 48
