"""Pools the heats of a conversation's lines into one temperature from 1 to 100."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NEIGHBOUR = 0.25  # the weight of each line beside a line: one hot line among calm ones may be misjudged
_PART = 0.2  # of all words: the share that is the hottest part, and the last part
_LEAST_PART, _LONGEST_PART = 16, 48  # words; the longest: a quarrel of five lines fills it
_LEAST_WEIGHT = 0.1  # words, of a line that hardly reaches into a window
_MEAN, _HOTTEST, _LAST = 0.20, 0.60, 0.20


def pool(heats: Sequence[float], words: Sequence[float]) -> float:
    """Return the temperature of lines in order, given the heat (0 to 1) and the number of words of each.

    Pure: it holds for a conversation, for a window of it, and for one side. No lines: 1.
    """
    if len(heats) == 0:
        return 1.0
    pooled = float(pooling_weights(heats, words) @ np.asarray(heats, np.float64))
    return 1 + 99 * min(max(pooled, 0.0), 1.0)


def pooling_weights(heats: Sequence[float], words: Sequence[float]) -> Floats:
    """Return how much each of at least one line counts in the temperature; the weights add up to 1."""
    heat = np.asarray(heats, np.float64)
    weight = np.maximum(np.asarray(words, np.float64), _LEAST_WEIGHT)
    around = _with_neighbours(weight)  # what the words of a line and of those beside it weigh
    hottest = np.argsort(-(_with_neighbours(heat * weight) / around), kind="stable")
    last = np.arange(len(heat))[::-1]
    weights: Floats = (
        _MEAN * weight / weight.sum()
        + _HOTTEST * weight * _with_neighbours(_first_part(hottest, weight) / around)
        + _LAST * _first_part(last, weight)
    )
    return weights


def _with_neighbours(values: Floats) -> Floats:
    """Return each value with a share of those beside it added."""
    added = values.copy()
    added[1:] += _NEIGHBOUR * values[:-1]
    added[:-1] += _NEIGHBOUR * values[1:]
    return added


def _first_part(order: NDArray[np.intp], words: Floats) -> Floats:
    """Return weights that take the mean of the first part of all words; the line on its border counts in part."""
    ordered = words[order]
    wanted = min(max(words.sum() * _PART, _LEAST_PART), _LONGEST_PART, words.sum())
    counted = np.clip(wanted - (np.cumsum(ordered) - ordered), 0, ordered)
    weights = np.zeros(len(words))
    weights[order] = counted / wanted
    return weights
