from collections.abc import AsyncIterator, Sequence

import pytest

from services.analyzer.model_process.models import open_local_models
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from shared.domain.analysis import TranscriptLine
from tests.integration.analyzer.speech import WORDS, piece, speech_sample

SECOND = 32_000
SHORT = piece(speech_sample()[: 3 * SECOND])


@pytest.fixture
async def transcriber() -> AsyncIterator[MoonshineTranscriber]:
    async with open_local_models(deadline=30) as models:
        yield MoonshineTranscriber(models)


def text_of(lines: Sequence[TranscriptLine]) -> str:
    return " ".join(line.text for line in lines)


async def test_speech_becomes_its_words_at_the_times_they_are_said(transcriber: MoonshineTranscriber) -> None:
    lines = await transcriber.transcribe(piece(speech_sample()))
    for words in WORDS:
        assert words.lower() in text_of(lines).lower()
    assert all(0 <= line.start < line.end <= 11 for line in lines)
    assert [line.start for line in lines] == sorted(line.start for line in lines)
    assert next(line.start for line in lines if "No matter" in line.text) == pytest.approx(3.3, abs=0.6)


async def test_nothing_of_a_piece_appears_in_the_next_ones_transcript(transcriber: MoonshineTranscriber) -> None:
    fresh = await transcriber.transcribe(SHORT)
    await transcriber.transcribe(piece(speech_sample()[: int(2.4 * SECOND)]))  # ends in the middle of a word
    assert await transcriber.transcribe(SHORT) == fresh


async def test_noise_without_speech_gives_no_lines(transcriber: MoonshineTranscriber) -> None:
    assert await transcriber.transcribe(piece(bytes(5 * SECOND))) == []
