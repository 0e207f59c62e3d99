"""Both sides of a call are read from the bucket and analyzed one by one; a file of two channels likewise."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.analyzer.analyze import Analyzer
from services.analyzer.audio_piece import AudioPiece
from services.analyzer.channels_reader import channel_samples
from services.analyzer.memory_file import memory_file
from services.analyzer.one_shot import DecodedSound, OneShotAnalyzer
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.worker import AnalysisWorker
from shared.audio.ffmpeg_process import DecodePolicy
from shared.catalog.event_store import open_event_store
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import BadMedia, InvalidInput, NotFound
from shared.domain.events import AnalysisCompleted, AudioReady, StoredChannels
from shared.messaging.bus import Bus, last_event
from shared.storage.object_store import ObjectStore
from tests.integration.analyzer.recordings import put_channels
from tests.integration.analyzer.speech import speech_sample
from tests.integration.audio_files import RATE, encoded, tone
from tests.integration.shared.test_decode import POLICY
from tests.integration.stereo_files import LEFT_HERTZ, call, encoded_channels, interleaved, side, sides
from tests.unit.analyzer.level_detector import LevelDetector
from tests.unit.analyzer.raters import local_scorer

CALL = call()
ONE_SIDE = side(LEFT_HERTZ, 4, speaks_first=True)


class LevelTranscriber:
    """Hears how loud a piece is."""

    name = "level"
    languages: Sequence[str] = ("en",)
    longest_piece_seconds = 28.0
    pause_seconds = 5.0

    async def transcribe(self, piece: AudioPiece) -> Heard:
        loud = np.abs(np.frombuffer(piece.pcm, "<i2").astype(int)).max() > 12_000
        return Heard(lines=(TranscriptLine(start=0, end=1, text="Loud words." if loud else "Soft words."),))


def analyzer() -> Analyzer:
    return Analyzer(LevelTranscriber(), local_scorer(), LevelDetector())


async def decoded(content: bytes, policy: DecodePolicy = POLICY) -> DecodedSound:
    with memory_file() as file:
        file.add(content)
        return await OneShotAnalyzer(analyzer(), policy).decode(file)


async def test_each_side_of_a_stored_call_is_transcribed_by_itself(bus: Bus, store: ObjectStore) -> None:
    speech = np.frombuffer(speech_sample(), "<i2")
    loud = (speech * (20_000 / abs(speech.astype(int)).max())).astype("<i2")
    job = await put_channels(store, "two-sides", (loud // 4).tobytes(), loud.tobytes())
    worker = AnalysisWorker(bus, open_event_store(bus, store, replicas=1), analyzer(), POLICY)
    await worker.handle(job)
    published = await last_event(bus, job.key, AnalysisCompleted)
    assert published is not None
    assert isinstance(published.event, AnalysisCompleted)
    assert {(line.channel, line.text) for line in published.event.transcript} == {
        ("left", "Soft words."),
        ("right", "Loud words."),
    }
    assert {line.speaker_source for line in published.event.transcript} == {"channel"}


async def test_stored_channels_are_read_sample_for_sample(store: ObjectStore) -> None:
    channels = await stored_call(store, "exact", CALL * 50)
    pieces = [piece async for piece in channel_samples(store, channels, POLICY)]
    assert b"".join(pieces) == CALL * 50
    assert max(map(len, pieces)) <= 256 * 1024


async def test_a_reader_that_stops_early_leaves_nothing_running(store: ObjectStore) -> None:
    channels = await stored_call(store, "stopped", CALL * 50)
    before = asyncio.all_tasks()
    samples = channel_samples(store, channels, POLICY)
    assert await anext(samples)
    await samples.aclose()
    assert asyncio.all_tasks() == before


async def test_channels_that_are_gone_or_damaged_are_told_as_that(store: ObjectStore) -> None:
    channels = await stored_call(store, "damaged", CALL)
    await store.put(channels.object_key, b"fLaC" + bytes(5000), content_type="audio/flac", metadata={})
    with pytest.raises(BadMedia):
        [piece async for piece in channel_samples(store, channels, POLICY)]
    await store.delete(channels.object_key)
    with pytest.raises(NotFound):
        [piece async for piece in channel_samples(store, channels, POLICY)]


async def stored_call(store: ObjectStore, session: str, samples: bytes) -> StoredChannels:
    job = await put_channels(store, session, *sides(samples))
    assert isinstance(job.event, AudioReady)
    assert job.event.channels is not None
    return job.event.channels


@pytest.mark.parametrize("name", ["wav", "flac", "m4a", "ogg", "mp3"])
async def test_a_file_of_two_channels_is_decoded_to_both(name: str) -> None:
    sound = await decoded(encoded_channels(name, CALL))
    assert sound.channels == ("left", "right")
    assert abs(len(sound.samples) - len(CALL)) < 0.2 * 4 * RATE
    if name in {"wav", "flac"}:
        assert sound.samples == CALL


@pytest.mark.parametrize("right", [ONE_SIDE, -ONE_SIDE, 0 * ONE_SIDE], ids=["equal", "antiphase", "dead"])
async def test_a_file_with_one_sound_on_two_channels_is_one_channel(right: NDArray[np.int16]) -> None:
    sound = await decoded(encoded_channels("wav", interleaved(ONE_SIDE, right)))
    assert list(sound.channels) == [None]
    assert bytes(sound.samples) == ONE_SIDE.tobytes()


async def test_a_file_of_one_channel_is_decoded_as_it_is() -> None:
    sound = await decoded(encoded("wav"))
    assert list(sound.channels) == [None]
    assert bytes(sound.samples) == tone(2)


@pytest.mark.parametrize("seconds", [3, 4])
async def test_seconds_are_counted_once_however_many_channels_there_are(seconds: int) -> None:
    policy = DecodePolicy(ffmpeg=POLICY.ffmpeg, max_audio_seconds=seconds)
    if seconds < 4:
        with pytest.raises(InvalidInput, match="longer than 3 seconds"):
            await decoded(encoded_channels("wav", CALL), policy)
    else:
        assert len((await decoded(encoded_channels("wav", CALL), policy)).samples) == len(CALL)


async def test_decoding_a_file_leaves_no_descriptor_open() -> None:
    await decoded(encoded_channels("wav", CALL))
    before = set(Path("/proc/self/fd").iterdir())
    await decoded(encoded_channels("wav", CALL))
    assert len(set(Path("/proc/self/fd").iterdir())) == len(before)
