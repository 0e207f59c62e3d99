"""Transcribes and scores one recording; the samples are read as a stream."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from services.analyzer.score.protocol import Scorer, ScoreUnfinished, TranscribedRecording
from services.analyzer.transcribe.line_teller import OnLine
from services.analyzer.transcribe.protocol import Transcriber
from services.analyzer.transcribe.speakers import SpeakerGuesser
from services.analyzer.transcribe.voice import VoiceDetector
from services.analyzer.transcribe_recording import MONO, transcribe_recording
from services.analyzer.wav_reader import samples_of
from shared.domain.analysis import Analysis
from shared.domain.identifiers import SessionKey


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisResult:
    """A recording's transcript and sound, and its analysis."""

    recording: TranscribedRecording
    analysis: Analysis


class Analyzer:
    """Analyzes recordings with a transcriber and a scorer; one call for each recording.

    `for_session`, if given, makes the transcriber of a recording that is a session's; `speakers` makes what guesses the
    speakers of a recording with one channel.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        scorer: Scorer,
        voice: VoiceDetector,
        *,
        for_session: Callable[[SessionKey], Transcriber] | None = None,
        speakers: Callable[[], SpeakerGuesser] | None = None,
    ) -> None:
        self._transcriber = transcriber
        self._for_session = for_session
        self._speakers = speakers
        self._voice = voice
        self._scorer = scorer

    async def analyze(
        self, wav: AsyncIterator[bytes], *, session: SessionKey | None = None, last_try: bool = True
    ) -> AnalysisResult:
        """Analyze a WAV of mono 16-bit samples at 16 kHz; raises BadMedia for any other, and as `analyze_samples`."""
        async with aclosing(samples_of(wav)) as samples:
            return await self.analyze_samples(samples, session=session, last_try=last_try)

    async def analyze_samples(
        self,
        samples: AsyncIterator[bytes],
        channels: Sequence[str | None] = MONO,
        *,
        session: SessionKey | None = None,
        last_try: bool = True,
    ) -> AnalysisResult:
        """Analyze interleaved PCM as `transcribe_recording` reads it; raises what that and the scorer raise.

        Before the last try a score that another try may better is not taken.
        """
        recording = await self._transcribed(samples, self._transcriber_for(session), channels)
        return await self._scored(recording, last_try=last_try)

    async def transcribe_samples(
        self, samples: AsyncIterator[bytes], channels: Sequence[str | None] = MONO, on_line: OnLine | None = None
    ) -> TranscribedRecording:
        """Transcribe interleaved PCM without scoring it; raises what `transcribe_recording` raises.

        A speaker is guessed when all is heard: lines that `on_line` is told of have none yet.
        """
        return await self._transcribed(samples, self._transcriber, channels, on_line)

    async def _transcribed(
        self,
        samples: AsyncIterator[bytes],
        transcriber: Transcriber,
        channels: Sequence[str | None],
        on_line: OnLine | None = None,
    ) -> TranscribedRecording:
        if self._speakers is None or len(channels) > 1:
            return await transcribe_recording(samples, transcriber, self._voice, channels, on_line)
        speakers = self._speakers()
        followed = _followed(samples, speakers)
        recording = await transcribe_recording(followed, transcriber, self._voice, channels, on_line)
        segments = tuple(await speakers.finish(recording.lines))
        return replace(recording, transcript=replace(recording.transcript, segments=segments))

    async def _scored(self, recording: TranscribedRecording, *, last_try: bool) -> AnalysisResult:
        try:
            analysis = await self._scorer.score(recording)
        except ScoreUnfinished as exc:
            if not last_try:
                raise
            analysis = exc.fallback
        codes = tuple(dict.fromkeys((*analysis.reason_codes, *recording.notes)))
        return AnalysisResult(recording, replace(analysis, reason_codes=codes))

    def _transcriber_for(self, session: SessionKey | None) -> Transcriber:
        if session is None or self._for_session is None:
            return self._transcriber
        return self._for_session(session)


async def _followed(samples: AsyncIterator[bytes], speakers: SpeakerGuesser) -> AsyncIterator[bytes]:
    async for part in samples:
        await speakers.feed(part)
        yield part
