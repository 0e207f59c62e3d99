"""The local scorer: words by meaning or by lexicon, voices against their usual; it calls no service."""

import asyncio
from collections.abc import Sequence

from services.analyzer.score.channel_summary import channel_analyses
from services.analyzer.score.confidence import Grounds, confidence
from services.analyzer.score.english import seems_english
from services.analyzer.score.evidence import evidence, reason_codes
from services.analyzer.score.fusion import LineHeat, line_heats
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.sound.arousal import rate_sound
from services.analyzer.score.sound.protocol import LineSound, SoundQuality
from services.analyzer.score.sound.quality import sound_quality
from services.analyzer.score.sound.turns import turns
from services.analyzer.score.summary import language_not_supported, no_speech, summarize, too_little_understood
from services.analyzer.score.temperature import Thermometer
from services.analyzer.score.timeline import timeline
from services.analyzer.score.words.instructions import without_instructions
from services.analyzer.score.words.protocol import LineWords, WordsRater
from shared.domain.analysis import Analysis

_NAME = "local-2"
_LANGUAGE = "en"
_LITTLE_SPEECH = 5.0  # seconds: a greeting
_NOISE = 10.0  # dB of speech over noise that is worth a reason code
_CLIPPING = 0.005
_LEXICON = "lexicon"  # in the name of a rater that does not go by meaning


class LocalScorer:
    """Scores a recording from its words and its voices; uncalibrated unless told how, English only.

    With `voices` off the words alone count: nothing is inferred from how anything was said.
    """

    def __init__(self, words: WordsRater, thermometer: Thermometer, *, voices: bool = True) -> None:
        self._words = words
        self._thermometer = thermometer
        self._voices = voices

    @property
    def name(self) -> str:
        """The scorer's version, what rates its words, and what of it is switched off or added."""
        name = f"{_NAME}/{self._words.name}"
        name += "" if self._voices else "/words-only"
        return name + ("+calibrated" if self._thermometer.calibrated else "")

    @property
    def _by_lexicon(self) -> bool:
        return _LEXICON in self._words.name

    async def score(self, recording: TranscribedRecording) -> Analysis:
        """Return the analysis; raises Unavailable if the words' model fails twice."""
        lines = recording.transcript.segments
        if recording.foreign:
            return language_not_supported(self.name)
        if recording.unclear:
            return too_little_understood(self.name, recording.notes)
        if not lines:
            return no_speech(self.name, recording.seconds)
        if not _is_english(recording):
            return language_not_supported(self.name)
        said = [without_instructions(line.text) for line in lines]
        rated = iter(await self._words.rate([text for text in said if text]))
        words = [next(rated) if text else None for text in said]
        return await asyncio.to_thread(self._analysis, recording, words)  # an hour's pitch takes some 100 ms

    def _analysis(self, recording: TranscribedRecording, rated: Sequence[LineWords | None]) -> Analysis:
        """Return the analysis; lines without a rating are heard and counted as talk, and have no heat."""
        lines, sound = recording.transcript.segments, recording.channels
        words = [said or LineWords(heat=0.0, kinds=(), quote="") for said in rated]
        talk = turns(lines, sound, recording.seconds)
        sounds = rate_sound(lines, sound) if self._voices else [LineSound()] * len(lines)
        quality = sound_quality(lines, sound)
        every = line_heats(lines, words, sounds, talk.interrupting if self._voices else frozenset())
        heats = [item for item, said in zip(every, rated, strict=True) if said is not None] or every
        temperature = self._temperature(heats)
        shown = evidence(heats)
        channels = channel_analyses(heats, talk, self._thermometer)
        return Analysis(
            temperature=temperature,
            confidence=self._confidence(recording, heats, quality),
            summary=summarize(
                temperature, heats, shown, channels, voices=self._voices, calibrated=self._thermometer.calibrated
            ),
            scorer=self.name,
            reason_codes=(*reason_codes(heats), *self._notes(recording, quality), *recording.notes),
            evidence=shown,
            timeline=timeline(
                heats, recording.seconds, self._thermometer, channels=[channel.name for channel in channels]
            ),
            channels=channels,
            silence_seconds=talk.silence_seconds,
        )

    def _temperature(self, heats: Sequence[LineHeat]) -> int:
        return self._thermometer.temperature([item.heat for item in heats], [float(item.word_count) for item in heats])

    def _confidence(self, recording: TranscribedRecording, heats: Sequence[LineHeat], quality: SoundQuality) -> float:
        spoken = _speech_seconds(heats)
        hottest = max(heats, key=lambda item: item.heat)
        return confidence(
            Grounds(
                speech_seconds=spoken,
                pace=sum(item.word_count for item in heats) / max(spoken, 0.1),
                recogniser=recording.confidence,
                quality=quality,
                words=hottest.words.heat,
                arousal=hottest.sound.arousal if self._voices else None,
                partial=recording.transcript.partial,
                by_lexicon=self._by_lexicon,
            )
        )

    def _notes(self, recording: TranscribedRecording, quality: SoundQuality) -> list[str]:
        """Return the reason codes about the recording, not about what was said."""
        spoken = sum(line.end - line.start for line in recording.transcript.segments)
        notes = {
            "little_speech": spoken < _LITTLE_SPEECH,
            "partly_understood": recording.transcript.partial,
            "noisy": quality.snr < _NOISE,
            "clipped": quality.clipped > _CLIPPING,
            "words_by_lexicon": self._by_lexicon,
        }
        return [note for note, applies in notes.items() if applies]


def _speech_seconds(heats: Sequence[LineHeat]) -> float:
    return sum(item.line.end - item.line.start for item in heats)


def _is_english(recording: TranscribedRecording) -> bool:
    """Whether the lines are in English, by what the speech model says, or where it says nothing by their words."""
    language = recording.transcript.language
    if language is None:
        return seems_english(line.text for line in recording.lines)
    return language.partition("-")[0] == _LANGUAGE
