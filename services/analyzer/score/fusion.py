"""Joins words and sound: the heat of each line of a conversation, from 0 to 1.

Words say whether an aroused voice is angry or glad, and on real calls they say more than the voice
(arXiv:2310.04481). So a raised voice adds little to calm words, joy being loud too, and more to hot ones. What holds is
order, not calibration: hotter words, a more aroused voice or an interruption never make a line colder.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from services.analyzer.score.sound.protocol import LineSound
from services.analyzer.score.words.protocol import LineWords
from shared.domain.analysis import TranscriptLine

_VOICE_ALONE = 0.18  # of what is left to 1: the most that arousal adds to calm words
_VOICE_WITH_WORDS = 0.45  # ... and to hot ones
_CALM_WORDS, _HOT_WORDS = 0.15, 0.45  # the heat of words between which the voice gains weight
_INTERRUPTION = 0.15  # of what is left to 1, for taking the word while the other is speaking


@dataclass(frozen=True, slots=True)
class LineHeat:
    """A line with what its words and its sound say, its heat, and whether it took the word from another side."""

    line: TranscriptLine
    words: LineWords
    sound: LineSound
    heat: float
    interrupts: bool = False

    @property
    def word_count(self) -> int:
        """How many words the line has, at least 1."""
        return max(1, len(self.line.text.split()))


def line_heats(
    lines: Sequence[TranscriptLine],
    words: Sequence[LineWords],
    sounds: Sequence[LineSound],
    interrupting: AbstractSet[int],
) -> list[LineHeat]:
    """Return the heat of each line; `interrupting` holds the indices of lines that took the word from another."""
    return [
        LineHeat(line, said, sound, _heat(said.heat, sound.arousal, interrupts=interrupts), interrupts)
        for index, (line, said, sound) in enumerate(zip(lines, words, sounds, strict=True))
        for interrupts in (index in interrupting,)
    ]


def _heat(words: float, arousal: float, *, interrupts: bool) -> float:
    hot = min(max((words - _CALM_WORDS) / (_HOT_WORDS - _CALM_WORDS), 0.0), 1.0)
    share = arousal * (_VOICE_ALONE + (_VOICE_WITH_WORDS - _VOICE_ALONE) * hot)
    heat = words + (1 - words) * share
    return heat + (1 - heat) * _INTERRUPTION if interrupts else heat
