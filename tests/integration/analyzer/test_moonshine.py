from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from services.analyzer.model_process.models import open_local_models
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from shared.domain.analysis import TranscriptLine
from tests.integration.analyzer.speech import WORDS, piece, speech_sample

SECOND = 32_000
SHORT = piece(speech_sample()[: 3 * SECOND])


@pytest.fixture(scope="module")
async def transcriber() -> AsyncIterator[MoonshineTranscriber]:
    async with open_local_models(deadline=60) as models:
        yield MoonshineTranscriber(models)


def text_of(lines: Sequence[TranscriptLine]) -> str:
    return " ".join(line.text for line in lines)


async def test_speech_becomes_its_words_each_line_with_the_models_confidence(transcriber: MoonshineTranscriber) -> None:
    heard = await transcriber.transcribe(piece(speech_sample()))
    for words in WORDS:
        assert words.lower() in text_of(heard.lines).lower()
    assert all(0 <= line.start < line.end <= 10 for line in heard.lines)
    assert len(heard.confidences) == len(heard.lines)
    assert all(0.4 < sure <= 1 for sure in heard.confidences)
    assert all(value <= 0 for value in heard.log_probabilities)


async def test_other_sound_before_it_changes_nothing_in_what_is_heard(transcriber: MoonshineTranscriber) -> None:
    fresh = await transcriber.transcribe(SHORT)
    noise = np.random.default_rng(1).integers(-8000, 8000, 5 * 16_000).astype("<i2").tobytes()
    for before in (noise, bytes(5 * SECOND), speech_sample()[: int(2.4 * SECOND)]):
        await transcriber.transcribe(piece(before))
        assert await transcriber.transcribe(SHORT) == fresh


@pytest.mark.parametrize("decibels", [-30, -12, 6])
async def test_the_gain_of_the_recording_changes_no_word(transcriber: MoonshineTranscriber, decibels: float) -> None:
    samples = np.frombuffer(speech_sample(), "<i2") * 10 ** (decibels / 20)
    louder = piece(samples.clip(-32768, 32767).astype("<i2").tobytes())
    heard = await transcriber.transcribe(louder)
    assert text_of(heard.lines) == text_of((await transcriber.transcribe(piece(speech_sample()))).lines)
