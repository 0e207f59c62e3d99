"""The interface of a scorer: a transcribed recording in, a score out."""

from dataclasses import dataclass
from typing import Protocol

from services.analyzer.levels import Levels
from shared.domain.analysis import TranscriptLine


@dataclass(frozen=True, slots=True, eq=False)
class TranscribedRecording:
    """A recording's transcript lines in order, its level for every 20 ms, and its length in seconds."""

    lines: tuple[TranscriptLine, ...]
    levels: Levels
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How heated a conversation was, and why.

    `temperature` is 1 (routine, cordial) to 100 (threats, shouting); `confidence`, 0 to 1, grows with the evidence;
    `reason_codes` are stable words for programs, `summary` is a sentence or two for people.
    """

    temperature: int
    confidence: float
    summary: str
    reason_codes: tuple[str, ...]
    scorer: str


class Scorer(Protocol):
    """Scores the heat of a conversation, never a person's emotion."""

    async def score(self, recording: TranscribedRecording) -> Score:
        """Return the score; raises Unavailable when another try may succeed, Permanent when none will."""
