"""How far each line rises above the recording's own usual loudness.

Everything is relative to the recording, so that a microphone's gain changes nothing; the price is that shouting
from the first word to the last looks like a loud microphone.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.analyzer.levels import FRAMES_PER_SECOND, Levels, decibels, power
from shared.events import TranscriptLine

_BLOCK = FRAMES_PER_SECOND  # a second: about three syllables, so that one plosive is no shout
_LEAST_BLOCK = FRAMES_PER_SECOND // 5  # what is left of a second at a line's end counts from here on


def rises(lines: Sequence[TranscriptLine], levels: Levels) -> list[float]:
    """Return for each line how many dB its loudest second lies above the median second of all speech.

    A line below the median, or without any sound under it, rises 0 dB.
    """
    blocks = [_blocks(line, levels) for line in lines]
    spoken = np.concatenate([np.empty(0), *blocks])
    if spoken.size == 0:
        return [0.0] * len(lines)
    usual = float(np.median(spoken))
    return [max(0.0, float(block.max()) - usual) if block.size else 0.0 for block in blocks]


def _blocks(line: TranscriptLine, levels: Levels) -> NDArray[np.float64]:
    """Return the level of each second of a line."""
    sound = levels[math.floor(line.start * FRAMES_PER_SECOND) : math.ceil(line.end * FRAMES_PER_SECOND)]
    parts = [sound[at : at + _BLOCK] for at in range(0, len(sound), _BLOCK)]
    whole = [part for part in parts if len(part) >= _LEAST_BLOCK] or [part for part in parts if len(part)]
    return np.array([decibels(float(power(part).mean())) for part in whole])
