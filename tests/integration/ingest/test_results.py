"""`GET /sessions/{id}/transcript` and `/analysis`: every format and member."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from shared.catalog.event_store import EventStore, open_event_store
from shared.domain.analysis import TranscriptLine
from shared.messaging.bus import Bus
from shared.storage.object_store import ObjectStore
from shared.storage.settings import StoreConfig
from tests.integration.ingest.stored_results import SCORED_AT, TRANSCRIPT, analyzed
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings

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
