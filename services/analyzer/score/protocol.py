"""The interface of a scorer: a transcribed recording in, an analysis out."""

from dataclasses import dataclass
from typing import Protocol

from services.analyzer.score.sound.protocol import ChannelSound
from shared.domain.analysis import Analysis, Transcript, TranscriptLine
from shared.domain.errors import Unavailable


@dataclass(frozen=True, slots=True, eq=False)
class TranscribedRecording:
    """A recording's transcript, its sound, and its length in seconds.

    `confidences` has for each line how sure the recogniser is of its words, 0 to 1, or None if it does not tell.
    `foreign` says that what is spoken is in a language that the recogniser does not understand: the lines are then no
    words that anyone said. `unclear` says that somebody speaks, but that too little of it was understood to tell what
    is said, or in which language: there are no lines then. `coverage` is the share of the speech that has words, 1
    where there is no speech. `notes` are reason codes of how it was transcribed.
    """

    transcript: Transcript
    confidences: tuple[float | None, ...]
    channels: tuple[ChannelSound, ...]
    seconds: float
    foreign: bool = False
    unclear: bool = False
    coverage: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[TranscriptLine, ...]:
        """The lines of all channels, in the order in which they begin."""
        return self.transcript.segments

    @property
    def confidence(self) -> float | None:
        """The mean of the lines' confidences by their length, None if no line has one."""
        known = [
            (sure, line.end - line.start)
            for line, sure in zip(self.lines, self.confidences, strict=True)
            if sure is not None
        ]
        seconds = sum(length for _, length in known)
        return sum(sure * length for sure, length in known) / seconds if seconds > 0 else None


class ScoreUnfinished(Unavailable):
    """Another try may give a better score; `fallback` is the one for a recording that gets no other try."""

    def __init__(self, message: str, *, code: str, fallback: Analysis) -> None:
        super().__init__(message, code=code)
        self.fallback = fallback


class Scorer(Protocol):
    """Scores the heat of a conversation, never a person's emotion."""

    async def score(self, recording: TranscribedRecording) -> Analysis:
        """Return the analysis; raises Unavailable when another try may succeed, Permanent when none will.

        Raises ScoreUnfinished when another try may succeed and there is a score without it.
        """
