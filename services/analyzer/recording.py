"""What is known of a recording once it was heard: all that a scorer gets to see."""

from dataclasses import dataclass

from services.analyzer.levels import Levels
from shared.events import TranscriptLine


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What was said when, how loud it was frame by frame, and how many seconds it lasts in all."""

    lines: tuple[TranscriptLine, ...]
    levels: Levels
    seconds: float
