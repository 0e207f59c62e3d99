"""What a scorer is to the rest of the analyzer."""

from dataclasses import dataclass
from typing import Protocol

from services.analyzer.levels import Levels
from shared.domain.events import TranscriptLine


@dataclass(frozen=True, slots=True, eq=False)
class TranscribedRecording:
    """What was said when, how loud it was frame by frame, and how many seconds it lasts in all."""

    lines: tuple[TranscriptLine, ...]
    levels: Levels
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How heated a conversation was and why.

    `temperature` is 1 (routine, cordial) to 100 (threats, shouting); `confidence` 0 to 1 says how much there was
    to go by; `reason_codes` are stable words for programs, `summary` a sentence or two for people.
    """

    temperature: int
    confidence: float
    summary: str
    reason_codes: tuple[str, ...]
    scorer: str


class Scorer(Protocol):
    """Judges the heat of a recording, never a person's emotion."""

    async def score(self, recording: TranscribedRecording) -> Score:
        """Return the score; raises Unavailable when another try may succeed, Permanent when none will."""
