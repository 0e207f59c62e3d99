from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.analyzer.analyze import Analyzer
from services.analyzer.audio_piece import AudioPiece
from services.analyzer.score.protocol import Scorer, ScoreUnfinished, TranscribedRecording
from services.analyzer.score.words.lexicon_rater import LexiconWords
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.worker import AnalysisWorker
from shared.catalog.catalog import Catalog
from shared.catalog.event_store import EventStore
from shared.domain.analysis import Analysis, TranscriptLine
from shared.domain.envelope import encode
from shared.domain.errors import Permanent, Unavailable
from shared.domain.events import AnalysisCompleted, AnalysisFailed
from shared.messaging.bus import Bus, last_event
from shared.storage.object_store import ObjectStore
from tests.integration.analyzer.recordings import put, times_published, wav_of
from tests.integration.analyzer.speech import speech_sample
from tests.integration.shared.test_decode import POLICY
from tests.unit.analyzer.level_detector import LevelDetector
from tests.unit.analyzer.raters import local_scorer


class FakeTranscriber:
    """Returns the given lines, or raises, and counts its calls."""

    name = "fake"
    languages: Sequence[str] = ("en",)
    longest_piece_seconds = 28.0
    pause_seconds = 5.0

    def __init__(self, *lines: TranscriptLine, error: Exception | None = None) -> None:
        self.calls = 0
        self._lines = lines
        self._error = error

    async def transcribe(self, piece: AudioPiece) -> Heard:
        assert piece.seconds > 0
        self.calls += 1
        if self._error is not None:
            raise self._error
        return Heard(lines=self._lines)


class UnfinishedScorer:
    """Has a score, and would have a better one later."""

    async def score(self, recording: TranscribedRecording) -> Analysis:
        assert recording.lines
        fallback = Analysis(temperature=33, confidence=0.2, summary="s", scorer="fallback")
        raise ScoreUnfinished("The judge is away.", code="model_busy", fallback=fallback)


def worker(bus: Bus, store: ObjectStore, transcriber: FakeTranscriber, scorer: Scorer | None = None) -> AnalysisWorker:
    event_store = EventStore(bus, store, Catalog(bus, replicas=1))
    return AnalysisWorker(
        bus, event_store, Analyzer(transcriber, scorer or local_scorer(core=LexiconWords()), LevelDetector()), POLICY
    )


async def test_a_job_that_runs_twice_is_analyzed_and_published_once(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "twice", wav_of(speech_sample()))
    transcriber = FakeTranscriber(TranscriptLine(start=0, end=1, text="Hello there."))
    await worker(bus, store, transcriber).handle(job)
    await worker(bus, store, transcriber).handle(job)
    assert transcriber.calls == 1
    assert await times_published(bus, job, AnalysisCompleted) == 1


@pytest.mark.parametrize("lead", ["7", None])
async def test_published_events_carry_the_recordings_lead(bus: Bus, store: ObjectStore, lead: str | None) -> None:
    job = replace(await put(store, f"of-lead-{lead}", wav_of(speech_sample())), lead=lead)
    working = worker(bus, store, FakeTranscriber(TranscriptLine(start=0, end=1, text="Hello there.")))
    await working.handle(job)
    await working.give_up(job, Permanent("The model rejects it."))
    published = [await last_event(bus, job.key, kind) for kind in (AnalysisCompleted, AnalysisFailed)]
    assert [item.lead for item in published if item is not None] == [lead, lead]


async def test_a_new_recording_of_the_same_session_is_analyzed_again(bus: Bus, store: ObjectStore) -> None:
    transcriber = FakeTranscriber(TranscriptLine(start=0, end=1, text="Hello there."))
    for pcm in (speech_sample(), speech_sample()[:64_000]):
        job = await put(store, "replaced", wav_of(pcm))
        await worker(bus, store, transcriber).handle(job)
    assert transcriber.calls == 2
    assert await times_published(bus, job, AnalysisCompleted) == 2


async def test_a_very_long_transcript_is_truncated_so_that_the_event_fits_the_bus(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "endless", wav_of(speech_sample()))
    lines = [TranscriptLine(start=0, end=1, text="wörd " * 20)] * 6_000
    await worker(bus, store, FakeTranscriber(*lines)).handle(job)
    published = await last_event(bus, job.key, AnalysisCompleted)
    assert published is not None
    assert isinstance(published.event, AnalysisCompleted)
    assert published.event.transcript_truncated
    assert len(published.event.transcript) > 500
    assert len(encode(published)) < 512 * 1024


@pytest.mark.parametrize("error", [Unavailable("The model is away."), Permanent("The model rejects it.")])
async def test_a_models_error_is_raised_to_the_queue(bus: Bus, store: ObjectStore, error: Exception) -> None:
    job = await put(store, "raising", wav_of(speech_sample()))
    with pytest.raises(type(error)):
        await worker(bus, store, FakeTranscriber(error=error)).handle(job)
    assert await last_event(bus, job.key, AnalysisCompleted) is None


async def test_a_score_that_may_get_better_is_taken_on_the_last_try(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "unfinished", wav_of(speech_sample()))
    working = worker(bus, store, FakeTranscriber(TranscriptLine(start=0, end=1, text="Hello.")), UnfinishedScorer())
    with pytest.raises(Unavailable):
        await working.handle(job)
    assert await last_event(bus, job.key, AnalysisCompleted) is None
    await working.handle(job, last_try=True)
    published = await last_event(bus, job.key, AnalysisCompleted)
    assert published is not None
    assert isinstance(published.event, AnalysisCompleted)
    assert (published.event.temperature, published.event.scorer) == (33, "fallback")
