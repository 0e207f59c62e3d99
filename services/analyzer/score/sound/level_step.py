"""Finds the moment at which all voices of a channel change their level at once: a microphone that was moved."""

import numpy as np
from numpy.typing import NDArray

_LEAST_STEP = 7.0  # dB
_LEAST_LINES = 2  # on each side
_LEAST_RAISED_ALONE = 4
_TIGHT = 2.5  # dB that lines may lie off the step: people who get louder do so by unequal amounts
_EXPLAINS = 0.35  # of the spread may be left once the step is taken out
_ALIKE = 4.0  # dB by which the speakers' own steps may differ, and the background's from theirs
_PITCH_STAYS = 1.5  # semitones: who shouts speaks higher
_LEAST_NOISE = -85.0  # dBFS: below it a pause is digital silence, or the noise of 16 bits


def without_step(
    levels: NDArray[np.float64],
    pitches: NDArray[np.float64],
    groups: NDArray[np.int64],
    pauses: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the levels of lines, in order of time, with one lasting step of all speakers taken out.

    A step that all lines keep to is the microphone's if the background steps with the voices, or if every speaker
    makes it and no voice becomes higher. A rise that only one of several voices is known to make needs more lines.
    `groups` numbers the speakers; `pauses` are the levels in dBFS of the pauses behind the lines, NaN where unknown.
    """
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
    if not _noise_steps(pauses, behind, step) and not _all_step(levels, pitches, groups, behind):
        return levels
    return np.where(behind, levels - step, levels)


def _noise_steps(pauses: NDArray[np.float64], behind: NDArray[np.bool_], step: float) -> bool:
    """Whether the background becomes louder or softer by as much: no voice does that."""
    known = ~np.isnan(pauses) & (pauses > _LEAST_NOISE)
    sides = (known & ~behind, known & behind)
    if any(np.count_nonzero(side) < _LEAST_LINES for side in sides):
        return False
    earlier, later = (float(np.median(pauses[side])) for side in sides)
    return abs(later - earlier - step) <= _ALIKE


def _all_step(
    levels: NDArray[np.float64], pitches: NDArray[np.float64], groups: NDArray[np.int64], behind: NDArray[np.bool_]
) -> bool:
    """Whether every speaker makes the same step, and none becomes higher with a rise or deeper with a fall."""
    own = _steps(levels, groups, behind)
    if not own or max(own) - min(own) > _ALIKE:
        return False
    rises = own[0] > 0
    higher = float(np.mean(_steps(pitches, groups, behind)))
    if (higher if rises else -higher) > _PITCH_STAYS:
        return False
    fewer = int(min(np.count_nonzero(behind), np.count_nonzero(~behind)))
    return not rises or len(own) > 1 or int(groups.max()) == 0 or fewer >= _LEAST_RAISED_ALONE


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
