import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from services.analyzer.transcribe.moonshine import MoonshineTranscriber, open_moonshine
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Unavailable
from tests.integration.analyzer.speech import WORDS, piece, speech_sample
from tests.processes import is_running
from tests.waiting import until

SECOND = 32_000
SHORT = piece(speech_sample()[: 3 * SECOND])


@pytest.fixture
async def transcriber() -> AsyncIterator[MoonshineTranscriber]:
    async with open_moonshine(deadline=30) as opened:
        yield opened


def text_of(lines: Sequence[TranscriptLine]) -> str:
    return " ".join(line.text for line in lines)


def worker_of(transcriber: MoonshineTranscriber) -> int:
    assert transcriber.process_id is not None
    return transcriber.process_id


def processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


async def kill_at_work(transcriber: MoonshineTranscriber) -> None:
    """Kill the model once it has started to compute."""
    pid = worker_of(transcriber)
    idle = processor_ticks(pid)
    await until(lambda: processor_ticks(pid) > idle + 2, what="the model at work")
    os.kill(pid, signal.SIGKILL)


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


async def test_pieces_transcribed_at_once_each_get_their_own_words(transcriber: MoonshineTranscriber) -> None:
    first, second = await asyncio.gather(
        transcriber.transcribe(SHORT), transcriber.transcribe(piece(speech_sample()[3 * SECOND : 6 * SECOND]))
    )
    assert "ever tried" in text_of(first).lower()
    assert "try again" in text_of(second).lower()


async def test_nothing_runs_before_the_first_piece_nor_after_the_end() -> None:
    async with open_moonshine(deadline=30) as transcriber:
        assert transcriber.process_id is None
        await transcriber.transcribe(SHORT)
        pid = worker_of(transcriber)
        assert is_running(pid)
    assert not is_running(pid)


async def test_a_model_killed_in_the_middle_of_a_piece_costs_nothing(transcriber: MoonshineTranscriber) -> None:
    expected = await transcriber.transcribe(SHORT)
    pid = worker_of(transcriber)
    response, _ = await asyncio.gather(transcriber.transcribe(SHORT), kill_at_work(transcriber))
    assert response == expected
    assert worker_of(transcriber) != pid


async def test_a_model_killed_twice_fails_its_piece_and_not_the_next_one(transcriber: MoonshineTranscriber) -> None:
    expected = await transcriber.transcribe(SHORT)
    first = worker_of(transcriber)
    cancelled = asyncio.create_task(transcriber.transcribe(SHORT))
    await kill_at_work(transcriber)
    second = await until(lambda: transcriber.process_id not in {None, first} and worker_of(transcriber), what="another")
    os.kill(second, signal.SIGKILL)
    with pytest.raises(Unavailable) as failed:
        await cancelled
    assert failed.value.code == "model_stopped"
    assert await transcriber.transcribe(SHORT) == expected


async def test_a_model_that_hangs_is_replaced_after_its_deadline() -> None:
    async with open_moonshine(deadline=2) as transcriber:
        expected = await transcriber.transcribe(SHORT)
        pid = worker_of(transcriber)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable) as failed:
            await transcriber.transcribe(SHORT)
        assert failed.value.code == "model_timeout"
        assert not is_running(pid)
        assert await transcriber.transcribe(SHORT) == expected


async def test_a_cancelled_piece_leaves_no_response_for_the_next_one(transcriber: MoonshineTranscriber) -> None:
    expected = await transcriber.transcribe(SHORT)
    pid = worker_of(transcriber)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await transcriber.transcribe(piece(speech_sample()))
    assert not is_running(pid)
    assert await transcriber.transcribe(SHORT) == expected
