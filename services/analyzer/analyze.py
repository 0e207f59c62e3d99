"""Transcribes and scores one recording; the samples are read as a stream."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from services.analyzer.score.protocol import Scorer, ScoreUnfinished, TranscribedRecording
from services.analyzer.transcribe.protocol import Transcriber
from services.analyzer.transcribe_recording import MONO, OnLine, transcribe_recording
from services.analyzer.wav_reader import samples_of
from shared.domain.analysis import Analysis


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisResult:
    """A recording's transcript and sound, and its analysis."""

    recording: TranscribedRecording
    analysis: Analysis


class Analyzer:
    """Analyzes recordings with a transcriber and a scorer; one call for each recording."""

    def __init__(self, transcriber: Transcriber, scorer: Scorer) -> None:
        self._transcriber = transcriber
        self._scorer = scorer

    async def analyze(self, wav: AsyncIterator[bytes], *, last_try: bool = True) -> AnalysisResult:
        """Analyze a WAV of mono 16-bit samples at 16 kHz; raises BadMedia for any other, and as `analyze_samples`."""
        async with aclosing(samples_of(wav)) as samples:
            return await self.analyze_samples(samples, last_try=last_try)

    async def analyze_samples(
        self, samples: AsyncIterator[bytes], channels: Sequence[str | None] = MONO, *, last_try: bool = True
    ) -> AnalysisResult:
        """Analyze interleaved PCM as `transcribe_recording` reads it; raises what that and the scorer raise.

        Before the last try a score that another try may better is not taken.
        """
        recording = await self.transcribe_samples(samples, channels)
        try:
            analysis = await self._scorer.score(recording)
        except ScoreUnfinished as exc:
            if not last_try:
                raise
            analysis = exc.fallback
        return AnalysisResult(recording, analysis)

    async def transcribe_samples(
        self, samples: AsyncIterator[bytes], channels: Sequence[str | None] = MONO, on_line: OnLine | None = None
    ) -> TranscribedRecording:
        """Transcribe interleaved PCM without scoring it; raises what `transcribe_recording` raises."""
        return await transcribe_recording(samples, self._transcriber, channels, on_line)
