"""Measures how many dB each line rises above the recording's own usual loudness.

All levels are relative to the recording, so that a microphone's gain changes nothing; the price is that shouting
from the first word to the last looks like a loud microphone.
"""

import math
from collections.abc import Sequence

import numpy as np

from services.analyzer.levels import FRAMES_PER_SECOND, Levels, decibels, power
from shared.domain.analysis import TranscriptLine

_BLOCK = FRAMES_PER_SECOND  # a second: about three syllables, so that one plosive is no shout
_LEAST_BLOCK = FRAMES_PER_SECOND // 5  # the last block of a line counts if it has at least this many frames
_USUAL = 1 / 3  # of the lines are quieter than "usual": where one of two people shouts, half of the lines are loud


def loudness_rises(lines: Sequence[TranscriptLine], levels: Levels) -> list[float]:
    """Return for each line how many dB its loudest second lies above the usual level of this recording's lines.

    A line below that level, or without any sound under it, rises 0 dB. Making a line that rises louder makes no
    line's rise smaller.
    """
    loudest = [_loudest_second(line, levels) for line in lines]
    measured = [level for level in loudest if level is not None]
    if not measured:
        return [0.0] * len(lines)
    usual = float(np.quantile(measured, _USUAL, method="lower"))
    return [0.0 if level is None else max(0.0, level - usual) for level in loudest]


def _loudest_second(line: TranscriptLine, levels: Levels) -> float | None:
    sound = levels[math.floor(line.start * FRAMES_PER_SECOND) : math.ceil(line.end * FRAMES_PER_SECOND)]
    parts = [sound[at : at + _BLOCK] for at in range(0, len(sound), _BLOCK)]
    enough = [part for part in parts if len(part) >= _LEAST_BLOCK] or [part for part in parts if len(part)]
    return max((decibels(float(power(part).mean())) for part in enough), default=None)
