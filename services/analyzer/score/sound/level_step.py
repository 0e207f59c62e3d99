"""Finds the moment at which all voices of a channel change their level at once: a microphone that was moved."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LEAST_STEP = 7.0  # dB
_LEAST_LINES = 2  # on each side
_LEAST_RAISED, _LEAST_RAISED_ALONE = 3, 4  # before or behind a rise: two loud lines at the end are a quarrel
_TIGHT = 2.5  # dB that lines may lie off the step: people who get louder do so by unequal amounts
_EXPLAINS = 0.35  # of the spread may be left once the step is taken out
_ALIKE = 4.0  # dB by which the speakers' own steps may differ
_PITCH_STAYS = 1.5  # semitones: who shouts speaks higher


def without_step(
    levels: NDArray[np.float64], pitches: NDArray[np.float64], speakers: Sequence[int]
) -> NDArray[np.float64]:
    """Return the levels of lines, in order of time, with a single lasting step of all speakers taken out.

    A step is taken for the microphone's if every speaker makes it, all lines keep to it, and no voice becomes higher.
    A rise needs more lines than a fall, most where one speaker is all there is: it may be a voice that was raised.
    """
    groups = np.asarray(speakers)
    tries = [_try(levels, groups, at) for at in range(_LEAST_LINES, len(levels) - _LEAST_LINES + 1)]
    if not tries:
        return levels
    off = [float(np.abs(rest).mean()) for _, rest in tries]
    at = int(np.argmin(off))
    step = tries[at][0]
    behind = np.arange(len(levels)) >= at + _LEAST_LINES
    before = float(np.abs(_demeaned(levels, groups)).mean())
    if abs(step) < _LEAST_STEP or off[at] > _TIGHT or off[at] > _EXPLAINS * before:
        return levels
    own = _steps(levels, groups, behind)
    higher = _steps(pitches, groups, behind)
    if not own or max(own) - min(own) > _ALIKE or np.sign(step) * np.mean(higher) > _PITCH_STAYS:
        return levels
    fewer = min(np.count_nonzero(behind), np.count_nonzero(~behind) + 1)
    if step > 0 and fewer < (_LEAST_RAISED if len(own) > 1 else _LEAST_RAISED_ALONE):
        return levels
    return np.where(behind, levels - step, levels)


def _try(levels: NDArray[np.float64], groups: NDArray[np.int64], at: int) -> tuple[float, NDArray[np.float64]]:
    """Return the step at one line that fits best (least squares), and what it leaves of each level."""
    step = _demeaned((np.arange(len(levels)) >= at).astype(np.float64), groups)
    level = _demeaned(levels, groups)
    power = float(step @ step)
    size = float(step @ level) / power if power > 0 else 0.0
    return size, level - size * step


def _demeaned(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    counts = np.bincount(groups)
    means = np.bincount(groups, weights=values) / np.maximum(counts, 1)
    return values - means[groups]


def _steps(values: NDArray[np.float64], groups: NDArray[np.int64], behind: NDArray[np.bool_]) -> list[float]:
    """Return how much each speaker with lines before and behind changes."""
    return [
        float(np.median(values[own & behind]) - np.median(values[own & ~behind]))
        for own in (groups == group for group in np.unique(groups))
        if (own & behind).any() and (own & ~behind).any()
    ]
