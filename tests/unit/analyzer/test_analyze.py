from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from services.analyzer.analyze import Analyzer
from services.analyzer.audio_piece import AudioPiece
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.transcribe.protocol import Heard
from shared.audio.wav import wav_header
from shared.domain.analysis import Analysis, TranscriptLine
from shared.domain.errors import BadMedia
from tests.unit.analyzer.level_detector import LevelDetector
from tests.unit.analyzer.sound import silence, tone


class FakeTranscriber:
    """Returns the same lines for every piece, and records the pieces."""

    name = "fake"
    languages: Sequence[str] = ("en",)
    longest_piece_seconds = 10.0
    pause_seconds = 0.35

    def __init__(self, *lines: TranscriptLine) -> None:
        self.received: list[AudioPiece] = []
        self._lines = lines

    async def transcribe(self, piece: AudioPiece) -> Heard:
        self.received.append(piece)
        return Heard(lines=self._lines)


class FakeScorer:
    """Records the recordings that it was given."""

    def __init__(self) -> None:
        self.seen: list[TranscribedRecording] = []

    async def score(self, recording: TranscribedRecording) -> Analysis:
        self.seen.append(recording)
        return Analysis(temperature=42, confidence=0.5, summary="why", reason_codes=(), scorer="fake")


async def wav_of(pcm: bytes, *, declared: int | None = None) -> AsyncIterator[bytes]:
    wav = wav_header(len(pcm) if declared is None else declared) + pcm
    for at in range(0, len(wav), 100_001):
        yield wav[at : at + 100_001]


def said(text: str, start: float = 0.5, end: float = 1.0) -> TranscriptLine:
    return TranscriptLine(start=start, end=end, text=text)


async def test_lines_of_later_pieces_get_seconds_from_the_start_of_the_recording() -> None:
    transcriber, scorer = FakeTranscriber(said("  two   words ")), FakeScorer()
    analysis = await Analyzer(transcriber, scorer, LevelDetector()).analyze(wav_of(tone(2) + silence(6) + tone(2)))
    assert [line.text for line in analysis.recording.lines] == ["two words", "two words"]
    assert [line.start for line in analysis.recording.lines] == [0.5, pytest.approx(8.3, abs=0.04)]
    assert analysis.recording.seconds == 10
    assert len(analysis.recording.channels[0].frames.levels) == 500
    assert scorer.seen == [analysis.recording]
    assert (analysis.analysis.temperature, analysis.recording.transcript.engine) == (42, "fake")


async def test_silence_is_never_transcribed() -> None:
    transcriber, scorer = FakeTranscriber(said("invented")), FakeScorer()
    analysis = await Analyzer(transcriber, scorer, LevelDetector()).analyze(wav_of(silence(30)))
    assert transcriber.received == []
    assert analysis.recording.lines == ()
    assert analysis.recording.seconds == 30


async def test_a_line_never_reaches_beyond_its_piece() -> None:
    transcriber = FakeTranscriber(said("late", start=-1, end=99))
    analysis = await Analyzer(transcriber, FakeScorer(), LevelDetector()).analyze(wav_of(tone(2)))
    assert [(line.start, line.end) for line in analysis.recording.lines] == [(0, 2)]


async def test_lines_without_words_are_dropped() -> None:
    analysis = await Analyzer(FakeTranscriber(said(" \n")), FakeScorer(), LevelDetector()).analyze(wav_of(tone(2)))
    assert analysis.recording.lines == ()


@pytest.mark.parametrize(("pcm", "declared"), [(b"", None), (b"ab", 4), (b"abcd", 2)])
async def test_an_empty_or_contradictory_wav_is_bad_media(pcm: bytes, declared: int | None) -> None:
    with pytest.raises(BadMedia):
        await Analyzer(FakeTranscriber(), FakeScorer(), LevelDetector()).analyze(wav_of(pcm, declared=declared))


async def interleaved(*sides: bytes) -> AsyncIterator[bytes]:
    frames = np.stack([np.frombuffer(side, "<i2") for side in sides], axis=1)
    content = frames.tobytes()
    for at in range(0, len(content), 30_001):
        yield content[at : at + 30_001]


async def test_each_channel_is_transcribed_on_its_own_and_the_lines_are_in_order() -> None:
    transcriber = FakeTranscriber(said("hello"))
    told: list[TranscriptLine] = []

    async def tell(line: TranscriptLine) -> None:
        told.append(line)

    sound = interleaved(tone(2) + silence(18), silence(10) + tone(2) + silence(8))
    recording = await Analyzer(transcriber, FakeScorer(), LevelDetector()).transcribe_samples(
        sound, ("left", "right"), tell
    )
    assert [(line.channel, line.speaker, line.speaker_source) for line in recording.lines] == [
        ("left", "left", "channel"),
        ("right", "right", "channel"),
    ]
    assert recording.lines[0].start < 2
    assert recording.lines[1].start > 9
    assert [channel.name for channel in recording.channels] == ["left", "right"]
    assert recording.seconds == 20
    assert sorted(told, key=lambda line: line.start) == list(recording.lines)
