"""Transcribes and scores one recording; the samples are read as a stream."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

import numpy as np

from services.analyzer.score.protocol import Scorer, TranscribedRecording
from services.analyzer.splitter import AudioPiece, AudioSplitter
from services.analyzer.transcribe.protocol import Transcriber
from services.analyzer.wav_reader import samples_of
from shared.domain.analysis import Analysis, TranscriptLine
from shared.domain.errors import BadMedia


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisResult:
    """A recording's transcript and score, and the name of the model that transcribed it."""

    recording: TranscribedRecording
    analysis: Analysis
    transcriber: str


class Analyzer:
    """Analyzes recordings with a transcriber and a scorer; one call for each recording.

    The samples are read only as fast as they are transcribed, and at most one piece of them is in memory.
    """

    def __init__(self, transcriber: Transcriber, scorer: Scorer) -> None:
        self._transcriber = transcriber
        self._scorer = scorer

    async def analyze(self, wav: AsyncIterator[bytes]) -> AnalysisResult:
        """Analyze a WAV of mono 16-bit samples at 16 kHz; raises BadMedia for any other, and as `analyze_samples`."""
        async with aclosing(samples_of(wav)) as samples:
            return await self.analyze_samples(samples)

    async def analyze_samples(self, samples: AsyncIterator[bytes]) -> AnalysisResult:
        """Analyze PCM (`shared.audio.pcm`); raises BadMedia for 0 samples, and what the two models raise."""
        recording = await self._transcribe(samples)
        return AnalysisResult(recording, await self._scorer.score(recording), self._transcriber.name)

    async def _transcribe(self, samples: AsyncIterator[bytes]) -> TranscribedRecording:
        lines: list[TranscriptLine] = []
        levels = [np.empty(0, np.float32)]
        seconds = 0.0
        async with aclosing(_pieces(samples, self._transcriber.longest_piece_seconds)) as pieces:
            async for piece in pieces:
                levels.append(piece.levels)
                seconds += piece.seconds
                if not piece.silent:
                    lines += [_in_recording(line, piece) for line in await self._transcriber.transcribe(piece)]
        if seconds == 0:
            raise BadMedia("The recording is 0 seconds long.", code="empty_audio")
        return TranscribedRecording(tuple(line for line in lines if line.text), np.concatenate(levels), seconds)


async def _pieces(samples: AsyncIterator[bytes], longest_seconds: float) -> AsyncGenerator[AudioPiece, None]:
    splitter = AudioSplitter(longest_seconds)
    async for part in samples:
        for piece in splitter.feed(part):
            yield piece
    for piece in splitter.finish():
        yield piece


def _in_recording(line: TranscriptLine, piece: AudioPiece) -> TranscriptLine:
    """Return the line with seconds from the recording's start, clamped to its piece: models overshoot."""
    start = min(max(line.start, 0.0), piece.seconds)
    end = min(max(line.end, start), piece.seconds)
    return replace(
        line, start=round(piece.start + start, 3), end=round(piece.start + end, 3), text=" ".join(line.text.split())
    )
