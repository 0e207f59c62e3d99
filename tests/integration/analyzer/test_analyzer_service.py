import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from services.analyzer.analyze import Analyst
from services.analyzer.app import create_service
from services.analyzer.handlers import AnalysisWorker
from services.analyzer.pieces import Piece
from services.analyzer.score.local import LocalScorer
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.wav import wav_header
from shared.bus import Bus, open_bus
from shared.codec import Envelope, encode, envelope
from shared.errors import Permanent, Unavailable
from shared.events import AnalysisCompleted, AnalysisFailed, AudioReady, Event, TranscriptLine
from shared.history import last_event
from shared.metrics import Metrics
from shared.objects import ObjectStore, open_store
from shared.settings import StoreConfig
from shared.subjects import STREAM, SessionKey, subject_of
from shared.trace import new_trace
from tests.integration.analyzer.fake_openai import KEY, FakeOpenAI, Reply, judged
from tests.integration.analyzer.speech import WORDS, beckett
from tests.integration.road import store_settings
from tests.serving import serving
from tests.waiting import until


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with open_bus(nats_url, service="test", replicas=1, max_age_days=1, metrics=Metrics()) as opened:
        await opened.wait_ready()
        yield opened


@pytest.fixture
async def store(store_config: StoreConfig) -> AsyncIterator[ObjectStore]:
    async with open_store(store_config) as opened:
        yield opened


@asynccontextmanager
async def analyzer_running(nats_url: str, store: StoreConfig, **more: object) -> AsyncIterator[str]:
    """Run the analyzer with quick retries; yields its base URL."""
    given = {"nats_url": nats_url, "analysis_tries": 2, "analysis_first_retry_seconds": 0.1, **store_settings(store)}
    settings = AnalyzerSettings.model_validate(given | more)
    async with serving(create_service(settings, Metrics()), settings) as base:
        yield base


def wav_of(pcm: bytes) -> bytes:
    return wav_header(len(pcm)) + pcm


def ready(session: str, wav: bytes) -> Envelope:
    """The event that the assembler sends once a WAV is stored."""
    digest = hashlib.sha256(wav).hexdigest()
    audio = AudioReady(
        url=f"http://store/audio_{session}.wav",
        filename=f"audio_{session}.wav",
        object_key=f"audio_{session}.wav",
        size_bytes=len(wav),
        sha256=digest,
        duration_seconds=(len(wav) - 44) / 32000,
        manifest_sha256=digest,
    )
    return envelope("assembler", SessionKey("default", session), audio, cause=digest, trace=new_trace("a-request"))


async def put(store: ObjectStore, session: str, wav: bytes) -> Envelope:
    await store.put(f"audio_{session}.wav", wav, content_type="audio/wav", metadata={})
    return ready(session, wav)


async def outcome(bus: Bus, job: Envelope, kind: type[Event]) -> Envelope:
    told = await until(lambda: last_event(bus, job.key, kind), within=60, what=f"{kind.NAME} of {job.key.session}")
    assert told is not None
    return told


async def times_told(bus: Bus, job: Envelope, kind: type[Event]) -> int:
    subject = subject_of(job.key, kind.NAME)
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=subject)
    return (info.state.subjects or {}).get(subject, 0)


async def test_a_stored_recording_is_answered_with_its_words_and_a_score(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore
) -> None:
    job = await put(store, "spoken", wav_of(beckett()))
    await bus.publish(job)
    async with analyzer_running(nats_url, store_config, openai_api_key=None):
        told = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(told.event, AnalysisCompleted)
    text = " ".join(line.text for line in told.event.transcript).lower()
    assert all(words.lower() in text for words in WORDS)
    assert 1 <= told.event.temperature <= 40
    assert 0 < told.event.confidence < 1
    assert "not calibrated" in told.event.analysis_summary
    assert told.event.timestamp.endswith("Z")
    assert (told.event.scorer, told.event.transcriber) == ("local-1", "moonshine-tiny-en")
    assert not told.event.transcript_truncated
    assert told.trace.request_id == "a-request"
    assert told.source == "/roomtone/analyzer"


async def test_silence_is_scored_and_says_so(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore
) -> None:
    job = await put(store, "silent", wav_of(bytes(64_000)))
    await bus.publish(job)
    async with analyzer_running(nats_url, store_config, openai_api_key=None):
        told = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(told.event, AnalysisCompleted)
    assert (told.event.temperature, told.event.confidence, told.event.reason_codes) == (1, 0, ("no_speech",))


async def test_bytes_that_are_not_our_wav_fail_once_and_stop_nothing(
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
    assert await times_told(bus, poison, AnalysisFailed) == 1


async def test_an_object_that_never_appears_fails_after_its_tries(
    nats_url: str, store_config: StoreConfig, bus: Bus
) -> None:
    job = ready("missing", wav_of(b""))
    await bus.publish(job)
    async with analyzer_running(nats_url, store_config, openai_api_key=None):
        failed = await outcome(bus, job, AnalysisFailed)
    assert isinstance(failed.event, AnalysisFailed)
    assert failed.event.code == "store_refused"


async def test_with_a_key_both_models_are_asked_over_the_api(
    nats_url: str, store_config: StoreConfig, bus: Bus, store: ObjectStore, openai_server: FakeOpenAI
) -> None:
    grades = dict.fromkeys(
        ("hostility", "raised_stakes", "interruption", "unresolved_disagreement", "deescalation"), 4
    ) | {"deescalation": 0, "evidence": []}
    openai_server.will_say(
        Reply({"text": "I hate you.", "segments": [{"start": 0.5, "end": 2, "text": " I hate you."}]}),
        judged(json.dumps(grades)),
    )
    job = await put(store, "over-the-api", wav_of(beckett()))
    await bus.publish(job)
    async with analyzer_running(
        nats_url, store_config, openai_api_key=KEY, openai_base_url=openai_server.base_url, openai_retries=0
    ):
        told = await outcome(bus, job, AnalysisCompleted)
    assert isinstance(told.event, AnalysisCompleted)
    assert told.event.temperature == 100
    assert told.event.transcript == (TranscriptLine(start=0.5, end=2, text="I hate you."),)
    assert (told.event.scorer, told.event.transcriber) == ("openai/gpt-4o-mini", "openai/whisper-1")


async def test_it_is_ready_while_the_bus_is_there_and_not_without(nats_url: str, store_config: StoreConfig) -> None:
    async with analyzer_running(nats_url, store_config) as base, httpx.AsyncClient(base_url=base) as client:

        async def ready_now() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(ready_now)
    async with (
        analyzer_running("nats://127.0.0.1:9", store_config) as base,
        httpx.AsyncClient(base_url=base) as client,
    ):
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "bus" in answer.json()["reasons"][0]
        assert (await client.get("/livez")).status_code == 200


class FakeTranscriber:
    """Says the given lines, or raises, and counts."""

    name = "fake"
    longest_piece_seconds = 28.0

    def __init__(self, *lines: TranscriptLine, error: Exception | None = None) -> None:
        self.asked = 0
        self._lines = lines
        self._error = error

    async def transcribe(self, piece: Piece) -> Sequence[TranscriptLine]:
        assert piece.seconds > 0
        self.asked += 1
        if self._error is not None:
            raise self._error
        return self._lines


def worker(bus: Bus, store: ObjectStore, transcriber: FakeTranscriber) -> AnalysisWorker:
    return AnalysisWorker(bus, store, Analyst(transcriber, LocalScorer()))


async def test_a_job_that_runs_twice_is_worked_and_told_once(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "twice", wav_of(beckett()))
    transcriber = FakeTranscriber(TranscriptLine(start=0, end=1, text="Hello there."))
    await worker(bus, store, transcriber).handle(job)
    await worker(bus, store, transcriber).handle(job)
    assert transcriber.asked == 1
    assert await times_told(bus, job, AnalysisCompleted) == 1


async def test_a_new_recording_of_the_same_session_is_analyzed_again(bus: Bus, store: ObjectStore) -> None:
    transcriber = FakeTranscriber(TranscriptLine(start=0, end=1, text="Hello there."))
    for pcm in (beckett(), beckett()[:64_000]):
        job = await put(store, "replaced", wav_of(pcm))
        await worker(bus, store, transcriber).handle(job)
    assert transcriber.asked == 2
    assert await times_told(bus, job, AnalysisCompleted) == 2


async def test_an_endless_transcript_is_cut_so_that_the_bus_takes_the_event(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "endless", wav_of(beckett()))
    lines = [TranscriptLine(start=0, end=1, text="wörd " * 20)] * 20_000
    await worker(bus, store, FakeTranscriber(*lines)).handle(job)
    told = await last_event(bus, job.key, AnalysisCompleted)
    assert told is not None
    assert isinstance(told.event, AnalysisCompleted)
    assert told.event.transcript_truncated
    assert len(told.event.transcript) > 500
    assert len(encode(told)) < 512 * 1024


@pytest.mark.parametrize("error", [Unavailable("The model is away."), Permanent("The model refuses.")])
async def test_what_a_model_raises_is_left_to_the_queue(bus: Bus, store: ObjectStore, error: Exception) -> None:
    job = await put(store, "raising", wav_of(beckett()))
    with pytest.raises(type(error)):
        await worker(bus, store, FakeTranscriber(error=error)).handle(job)
    assert await last_event(bus, job.key, AnalysisCompleted) is None
