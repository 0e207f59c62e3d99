"""Speakers guessed by the real diarizer."""

import importlib.util
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from services.analyzer.analyze import Analyzer
from services.analyzer.model_process.models import LocalModels, open_local_models
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.transcribe.local_voice import LocalVoiceDetector
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from services.analyzer.transcribe.speakers import SpeakerGuesser
from shared.domain.analysis import Analysis
from tests.evaluation.speech.samples import Samples, as_wav, of_pcm, resampled, silence
from tests.integration.analyzer.one_shot_client import analyze, analyzing


class EvenScorer:
    """Gives every recording the same score."""

    async def score(self, recording: TranscribedRecording) -> Analysis:
        assert recording.lines
        return Analysis(temperature=5, confidence=0.5, summary="s", scorer="even")


@pytest.fixture
def call() -> Samples:
    """Six seconds of two speakers of recordings that come with the speech model."""
    return np.concatenate(
        (_recorded("beckett.wav", 0.0, 2.95), silence(0.8), _recorded("endgame_nagg_nell.wav", 4.7, 8.5))
    )


def _recorded(name: str, start: float, end: float) -> Samples:
    found = importlib.util.find_spec("moonshine_voice")
    assert found is not None
    assert found.origin is not None
    with wave.open(str(Path(found.origin).with_name("assets") / name)) as file:
        rate = file.getframerate()
        file.setpos(int(start * rate))
        samples = of_pcm(file.readframes(int((end - start) * rate)))
        return resampled(samples.reshape(-1, file.getnchannels()).mean(axis=1), rate)


async def parts_of(samples: Samples) -> AsyncIterator[bytes]:
    yield (np.clip(samples, -1, 0.999) * 32768).astype("<i2").tobytes()


def analyzer(models: LocalModels) -> Analyzer:
    return Analyzer(
        MoonshineTranscriber(models),
        EvenScorer(),
        LocalVoiceDetector(models),
        speakers=lambda: SpeakerGuesser(models),
    )


async def test_each_line_of_one_channel_gets_a_guessed_speaker(call: Samples) -> None:
    async with open_local_models(deadline=100) as models:
        result = await analyzer(models).analyze_samples(parts_of(call))
    lines = result.recording.lines
    assert [line.speaker for line in lines][:2] == ["1", "1"]
    assert lines[2].speaker in {"1", "2"}
    assert {line.speaker_source for line in lines} == {"guessed"}


async def test_one_shot_answers_name_the_guessed_speakers(nats_url: str, call: Samples) -> None:
    async with analyzing(nats_url, guess_speakers=True) as client:
        detailed = (await analyze(client, as_wav(call), detail="true")).json()["segments"]
        fields = {"model": "any", "response_format": "diarized_json"}
        files = {"file": ("call.wav", as_wav(call))}
        diarized = (await client.post("/v1/audio/transcriptions", data=fields, files=files)).json()["segments"]
    assert [line["speaker"] for line in detailed][:2] == ["1", "1"]
    assert {line["speaker_source"] for line in detailed} == {"guessed"}
    assert [line["speaker"] for line in diarized] == [line["speaker"] for line in detailed]


async def test_a_recording_of_two_channels_needs_no_guess(call: Samples) -> None:
    sides = np.stack((call, np.zeros_like(call)), axis=1).ravel()
    async with open_local_models(deadline=100) as models:
        result = await analyzer(models).analyze_samples(parts_of(sides), ("agent", "customer"))
    assert {(line.speaker, line.speaker_source) for line in result.recording.lines} == {("agent", "channel")}


async def test_a_process_that_dies_meanwhile_costs_the_speakers_and_nothing_else(call: Samples) -> None:
    async with open_local_models(deadline=100) as models:
        guesser = SpeakerGuesser(models)
        await guesser.feed(bytes(320_000))
        await models.close()
        result = await Analyzer(
            MoonshineTranscriber(models), EvenScorer(), LocalVoiceDetector(models), speakers=lambda: guesser
        ).analyze_samples(parts_of(call))
    assert len(result.recording.lines) == 3
    assert {line.speaker for line in result.recording.lines} == {None}
