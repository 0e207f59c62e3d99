import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.analyzer.app import create_service
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from shared.domain.events import AnalysisCompleted, AnalysisFailed
from shared.messaging.bus import Bus
from shared.observability.metrics import Metrics
from shared.storage.object_store import ObjectStore
from shared.storage.settings import StoreConfig
from tests.integration.analyzer.fake_openai import KEY, FakeOpenAI, Reply, judged
from tests.integration.analyzer.recordings import outcome, put, ready, times_published, wav_of
from tests.integration.analyzer.speech import WORDS, speech_sample
from tests.integration.pipeline import store_settings
from tests.serving import serving
from tests.waiting import until


@asynccontextmanager
async def analyzer_running(nats_url: str, store: StoreConfig, **more: object) -> AsyncIterator[str]:
    """Run the analyzer with quick retries; yields its base URL."""
    given = {"nats_url": nats_url, "analysis_tries": 2, "analysis_first_retry_seconds": 0.1, **store_settings(store)}
    settings = AnalyzerSettings.model_validate(given | more)
    async with serving(create_service(settings, Metrics()), settings) as base:
        yield base


async def test_a_stored_recording_gets_its_transcript_and_a_score(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore
) -> None:
    job = await put(store, "spoken", wav_of(speech_sample()))
    await bus.publish(job)
    async with analyzer_running(nats_url, store_config, openai_api_key=None):
        published = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(published.event, AnalysisCompleted)
    text = " ".join(line.text for line in published.event.transcript).lower()
    assert all(words.lower() in text for words in WORDS)
    assert 1 <= published.event.temperature <= 40
    assert 0 < published.event.confidence < 1
    assert "not calibrated" in published.event.analysis_summary
    assert published.event.timestamp.endswith("Z")
    assert (published.event.scorer, published.event.transcriber) == ("local-2/words-minilm-5", "moonshine-tiny-en")
    assert not published.event.transcript_truncated
    assert published.trace.request_id == "a-request"
    assert published.source == "/roomtone/analyzer"


async def test_silence_is_scored_and_says_so(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore
) -> None:
    job = await put(store, "silent", wav_of(bytes(64_000)))
    await bus.publish(job)
    async with analyzer_running(nats_url, store_config, openai_api_key=None):
        published = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(published.event, AnalysisCompleted)
    assert (published.event.temperature, published.event.confidence, published.event.reason_codes) == (
        1,
        0,
        ("no_speech",),
    )


async def test_an_object_that_is_not_our_wav_fails_once_and_stops_nothing(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore
) -> None:
    poison = await put(store, "poison", b"RIFF" + bytes(5000))
    after = await put(store, "after-poison", wav_of(bytes(64_000)))
    await bus.publish(poison)
    await bus.publish(after)
    async with analyzer_running(nats_url, store_config, openai_api_key=None):
        failed = await outcome(bus, poison, AnalysisFailed)
        await outcome(bus, after, AnalysisCompleted)
    assert isinstance(failed.event, AnalysisFailed)
    assert failed.event.code == "wav_unexpected"
    assert failed.event.reason
    assert await times_published(bus, poison, AnalysisFailed) == 1


async def test_an_object_that_never_appears_fails_after_its_tries(
    nats_url: str, store_config: StoreConfig, bus: Bus
) -> None:
    job = ready("missing", wav_of(b""))
    await bus.publish(job)
    async with analyzer_running(nats_url, store_config, openai_api_key=None):
        failed = await outcome(bus, job, AnalysisFailed)
    assert isinstance(failed.event, AnalysisFailed)
    assert failed.event.code == "object_missing"


async def test_with_a_key_both_models_are_called_over_the_api(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore, openai_server: FakeOpenAI
) -> None:
    grades = dict.fromkeys(
        ("hostility", "raised_stakes", "interruption", "unresolved_disagreement", "deescalation"), 4
    ) | {"deescalation": 0, "evidence": [{"line": 0, "quote": "I hate you"}]}
    openai_server.will_reply(
        Reply({"text": "I hate you.", "segments": [{"start": 0.5, "end": 2, "text": " I hate you."}]}),
        judged(json.dumps(grades)),
    )
    job = await put(store, "over-the-api", wav_of(speech_sample()))
    await bus.publish(job)
    async with analyzer_running(
        nats_url, store_config, openai_api_key=KEY, openai_base_url=openai_server.base_url, openai_retries=0
    ):
        published = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(published.event, AnalysisCompleted)
    assert 75 <= published.event.temperature < 100  # one quote proves one of the grades
    (line,) = published.event.transcript
    assert [line.start, line.end] == pytest.approx([0.6, 2.1], abs=0.1)
    assert line.text == "I hate you."
    assert (published.event.scorer, published.event.transcriber) == ("openai/gpt-4o-mini", "openai/whisper-1")


async def test_over_the_days_budget_both_models_are_local_and_the_result_says_so(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore, openai_server: FakeOpenAI
) -> None:
    job = await put(store, "over-the-budget", wav_of(speech_sample()))
    await bus.publish(job)
    over_the_api = {"openai_api_key": KEY, "openai_base_url": openai_server.base_url}
    budget = {"openai_daily_seconds": 1, "openai_daily_tokens": 1}
    async with analyzer_running(nats_url, store_config, **over_the_api, **budget):
        published = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(published.event, AnalysisCompleted)
    assert "failed" in " ".join(line.text for line in published.event.transcript).lower()
    assert published.event.transcriber == MoonshineTranscriber.name
    assert {"judged_locally", "budget_reached"} <= set(published.event.reason_codes)
    assert openai_server.requests == []


async def test_it_is_ready_while_the_bus_is_there_and_not_without(nats_url: str, store_config: StoreConfig) -> None:
    async with analyzer_running(nats_url, store_config) as base, httpx.AsyncClient(base_url=base) as client:

        async def ready_now() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(ready_now)
    async with (
        analyzer_running("nats://127.0.0.1:9", store_config) as base,
        httpx.AsyncClient(base_url=base) as client,
    ):
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert "bus" in response.json()["reasons"][0]
        assert (await client.get("/livez")).status_code == 200
