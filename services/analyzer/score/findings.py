"""What speaks for heat, line by line: the evidence behind a local score."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.analyzer.score.fusion import LineFeatures, is_loud
from services.analyzer.score.lexicon import NEGATIVE_WORDS, line_sentiment
from services.analyzer.score.loudness import loudness_rises
from services.analyzer.score.phrases import HOSTILE
from services.analyzer.score.protocol import TranscribedRecording
from shared.domain.events import TranscriptLine

_LITTLE_SPEECH = 5.0  # seconds: a greeting
_ORDER = (*(phrases.code for phrases in HOSTILE), NEGATIVE_WORDS)


@dataclass(frozen=True, slots=True)
class ScoredLine:
    """A line, what is measured of it, and the reason codes that its words give."""

    line: TranscriptLine
    features: LineFeatures
    codes: tuple[str, ...]


def score_lines(recording: TranscribedRecording) -> list[ScoredLine]:
    """Measure every line of a recording."""
    return [
        _finding(line, rise)
        for line, rise in zip(recording.lines, loudness_rises(recording.lines, recording.levels), strict=True)
    ]


def _finding(line: TranscriptLine, rise: float) -> ScoredLine:
    wording = line_sentiment(line.text)
    features = LineFeatures(len(line.text.split()), wording.hostility, wording.cheerfulness, rise)
    return ScoredLine(line, features, wording.codes)


def reason_codes(findings: Sequence[ScoredLine]) -> tuple[str, ...]:
    """Return every reason once: kinds of words from the hottest down, then the voice, then doubts."""
    seen = {code for finding in findings for code in finding.codes}
    codes = [code for code in _ORDER if code in seen]
    if any(is_loud(finding.features) for finding in findings):
        codes.append("raised_voice")
    if speech_seconds(findings) < _LITTLE_SPEECH:
        codes.append("little_speech")
    return tuple(codes)


def speech_seconds(findings: Sequence[ScoredLine]) -> float:
    """Return how long all lines together last."""
    return sum(finding.line.end - finding.line.start for finding in findings)
