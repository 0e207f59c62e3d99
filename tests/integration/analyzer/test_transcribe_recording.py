"""Whole recordings through the real voice detector and the real speech model."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from services.analyzer.model_process.models import open_local_models
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.transcribe.local_voice import LocalVoiceDetector
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from services.analyzer.transcribe.voice import CHUNK
from services.analyzer.transcribe_recording import MONO, transcribe_recording
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import BadMedia
from tests.integration.analyzer.speech import speech_sample
from tests.integration.analyzer.test_local_models import model_processes

RATE = 16_000
Sound: TypeAlias = NDArray[np.float64]
Transcribe = Callable[..., Awaitable[TranscribedRecording]]


@pytest.fixture(scope="module")
async def transcribe() -> AsyncIterator[Transcribe]:
    async with open_local_models(deadline=60) as models:
        transcriber, voice = MoonshineTranscriber(models), LocalVoiceDetector(models)

        async def run(
            pcm: bytes, *, feed: int = 100_000, names: tuple[str | None, ...] = (None,)
        ) -> TranscribedRecording:
            return await transcribe_recording(in_parts(pcm, feed), transcriber, voice, names or MONO)

        yield run


async def in_parts(pcm: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), size):
        yield pcm[at : at + size]


def said(recording: TranscribedRecording) -> list[tuple[float, str]]:
    return [(round(line.start, 1), line.text) for line in recording.lines]


def spoken() -> Sound:
    """Return the sample's speech; its length is a multiple of what the detector takes at once, as `pause` is."""
    samples = np.frombuffer(speech_sample(), "<i2").astype(np.float64)
    return samples[: len(samples) // CHUNK * CHUNK]


def pcm_of(samples: Sound) -> bytes:
    return samples.clip(-32768, 32767).astype("<i2").tobytes()


def pause(chunks: int) -> Sound:
    return np.zeros(chunks * CHUNK)


async def test_each_sentence_is_a_line_with_the_time_at_which_it_is_said(transcribe: Transcribe) -> None:
    recording = await transcribe(speech_sample())
    lines = recording.lines
    assert [line.text for line in lines][:4] == ["Ever tried.", "Ever failed.", "No matter.", "Try again."]
    assert [line.start for line in lines] == pytest.approx([0.3, 1.9, 3.5, 4.9, 6.6, 8.2], abs=0.2)
    assert all(before.end <= after.start for before, after in pairwise(lines))
    assert recording.transcript.language == "en"
    assert not recording.transcript.partial
    assert recording.coverage == 1
    assert recording.confidence is not None
    assert 0.6 < recording.confidence < 1


@pytest.mark.parametrize("feed", [2_222, 1_000_000])
async def test_how_samples_arrive_changes_nothing(transcribe: Transcribe, feed: int) -> None:
    pcm = pcm_of(np.concatenate((pause(40), spoken(), pause(350), spoken())))
    expected, other = await transcribe(pcm), await transcribe(pcm, feed=feed)
    assert other.transcript == expected.transcript
    assert other.confidences == expected.confidences


async def test_pauses_of_minutes_move_lines_and_add_none(transcribe: Transcribe) -> None:
    once = await transcribe(speech_sample())
    recording = await transcribe(pcm_of(np.concatenate((spoken(), pause(6000), spoken()))))
    assert [line.text for line in recording.lines] == [line.text for line in once.lines] * 2
    later = (6000 * CHUNK + len(spoken())) / RATE
    assert recording.lines[len(once.lines)].start == pytest.approx(once.lines[0].start + later, abs=0.1)


@pytest.mark.parametrize("decibels", [-6, 6, -18])
async def test_the_gain_changes_no_line(transcribe: Transcribe, decibels: float) -> None:
    changed = await transcribe(pcm_of(spoken() * 10 ** (decibels / 20)))
    assert said(changed) == said(await transcribe(speech_sample()))


async def test_two_channels_are_heard_each_on_its_own(transcribe: Transcribe) -> None:
    left = np.concatenate((spoken(), pause(320)))
    right = np.concatenate((pause(320), spoken()))
    recording = await transcribe(pcm_of(np.stack((left, right), axis=1).ravel()), names=("agent", "customer"))
    alone = [line.text for line in (await transcribe(speech_sample())).lines]
    for name in ("agent", "customer"):
        assert [line.text for line in recording.lines if line.channel == name] == alone
    assert [line.start for line in recording.lines] == sorted(line.start for line in recording.lines)


def hum() -> Sound:
    at = np.arange(20 * RATE) / RATE
    return np.asarray(1500 * np.sin(2 * np.pi * 50 * at) + 700 * np.sin(2 * np.pi * 150 * at))


def hiss() -> Sound:
    return np.random.default_rng(5).normal(0, 600, 20 * RATE)


def ringback() -> Sound:
    at = np.arange(20 * RATE) / RATE
    return np.asarray(4000 * (np.sin(2 * np.pi * 440 * at) + np.sin(2 * np.pi * 480 * at)) * (at % 6 < 2))


def dialling() -> Sound:
    at = np.arange(12 * RATE) / RATE
    low, high = np.array([697, 770, 852, 941]), np.array([1209, 1336, 1477, 1209])
    key = (at / 0.3).astype(int) % 4
    tones = np.sin(2 * np.pi * low[key] * at) + np.sin(2 * np.pi * high[key] * at)
    return np.asarray(4000 * tones * (at % 0.3 < 0.15))


def clicks() -> Sound:
    sound = np.zeros(20 * RATE)
    sound[:: RATE // 2] = 30_000
    return sound


def music() -> Sound:
    at = np.arange(30 * RATE) / RATE
    notes = 220 * 2 ** (np.array([0, 4, 7, 12, 9, 5, 7, 4]) / 12)
    note = notes[(at * 3).astype(int) % len(notes)]
    return np.asarray(
        sum(3000 / n * np.sin(2 * np.pi * n * note * at) for n in range(1, 6)) * np.exp(-3 * (at * 3 % 1))
    )


@pytest.mark.parametrize("sound", [hum, hiss, ringback, dialling, clicks, music], ids=lambda sound: sound.__name__)
async def test_sound_without_speech_has_no_words(transcribe: Transcribe, sound: Callable[[], Sound]) -> None:
    recording = await transcribe(pcm_of(sound()))
    assert recording.lines == ()
    assert not recording.foreign


async def test_soft_speech_is_heard(transcribe: Transcribe) -> None:
    level = 10 * np.log10(np.square(spoken()).mean() / 32768**2)
    recording = await transcribe(pcm_of(spoken() * 10 ** ((-45 - level) / 20)))
    assert [line.text for line in recording.lines][:2] == ["Ever tried.", "Ever failed."]


async def test_speech_at_the_rate_of_a_telephone_is_heard(transcribe: Transcribe) -> None:
    spectrum = np.fft.rfft(spoken())
    spectrum[np.fft.rfftfreq(len(spoken()), 1 / RATE) > 3400] = 0
    recording = await transcribe(pcm_of(np.fft.irfft(spectrum, len(spoken()))))
    assert "Try again." in [line.text for line in recording.lines]
    assert not recording.foreign


async def test_samples_that_break_off_lose_no_line_and_leave_the_model_at_work() -> None:
    async with open_local_models(deadline=60) as models:
        transcriber, voice = MoonshineTranscriber(models), LocalVoiceDetector(models)
        pcm = pcm_of(np.concatenate((pause(40), spoken(), pause(350))))
        whole = await transcribe_recording(in_parts(pcm, 100_000), transcriber, voice)
        at_work = model_processes()
        told: list[str] = []

        async def on_line(line: TranscriptLine) -> None:
            told.append(line.text)

        async def broken_off() -> AsyncIterator[bytes]:
            async for part in in_parts(pcm, 100_000):
                yield part
            raise BadMedia("The recording breaks off.", code="truncated")

        with pytest.raises(BadMedia, match="breaks off"):
            await transcribe_recording(broken_off(), transcriber, voice, on_line=on_line)
        assert told == [line.text for line in whole.lines]
        assert model_processes() == at_work
