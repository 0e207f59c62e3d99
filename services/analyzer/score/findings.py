"""Scores each transcript line by its words and its loudness: the evidence behind a local score."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.analyzer.score.fusion import LineFeatures, is_loud
from services.analyzer.score.loudness import loudness_rises
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.words.lexicon import NEGATIVE_WORDS, line_sentiment
from services.analyzer.score.words.phrases import HOSTILE
from shared.domain.analysis import TranscriptLine

_LITTLE_SPEECH = 5.0  # seconds: a greeting
_ORDER = (*(phrases.code for phrases in HOSTILE), NEGATIVE_WORDS)


@dataclass(frozen=True, slots=True)
class ScoredLine:
    """A transcript line, its measured features, and the reason codes of its words."""

    line: TranscriptLine
    features: LineFeatures
    codes: tuple[str, ...]


def score_lines(recording: TranscribedRecording) -> list[ScoredLine]:
    """Measure every line of a recording."""
    levels = recording.channels[0].frames.levels
    return [
        _score_line(line, rise)
        for line, rise in zip(recording.lines, loudness_rises(recording.lines, levels), strict=True)
    ]


def _score_line(line: TranscriptLine, rise: float) -> ScoredLine:
    sentiment = line_sentiment(line.text)
    features = LineFeatures(len(line.text.split()), sentiment.hostility, sentiment.cheerfulness, rise)
    return ScoredLine(line, features, sentiment.codes)


def reason_codes(scored: Sequence[ScoredLine]) -> tuple[str, ...]:
    """Return each reason code once: kinds of words from the hottest down, `raised_voice`, `little_speech`."""
    occurring = {code for item in scored for code in item.codes}
    codes = [code for code in _ORDER if code in occurring]
    if any(is_loud(item.features) for item in scored):
        codes.append("raised_voice")
    if speech_seconds(scored) < _LITTLE_SPEECH:
        codes.append("little_speech")
    return tuple(codes)


def speech_seconds(scored: Sequence[ScoredLine]) -> float:
    """Return the length of all lines together, in seconds."""
    return sum(item.line.end - item.line.start for item in scored)
