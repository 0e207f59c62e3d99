"""The interface of a scorer: a transcribed recording in, an analysis out."""

from dataclasses import dataclass
from typing import Protocol

from services.analyzer.levels import Levels
from shared.domain.analysis import Analysis, TranscriptLine


@dataclass(frozen=True, slots=True, eq=False)
class TranscribedRecording:
    """A recording's transcript lines in order, its level for every 20 ms, and its length in seconds."""

    lines: tuple[TranscriptLine, ...]
    levels: Levels
    seconds: float


class Scorer(Protocol):
    """Scores the heat of a conversation, never a person's emotion."""

    async def score(self, recording: TranscribedRecording) -> Analysis:
        """Return the analysis; raises Unavailable when another try may succeed, Permanent when none will."""
