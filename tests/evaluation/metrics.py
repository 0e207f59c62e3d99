"""Measures of order: how far temperatures rise where they should."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from scipy.stats import kendalltau, spearmanr


def kendall(expected: Sequence[float], given: Sequence[float]) -> float:
    """Return Kendall's tau-b; 0 where all given values are equal, which is no order at all."""
    if len(set(given)) < 2 or len(set(expected)) < 2:
        return 0.0
    return float(kendalltau(expected, given).statistic)


def spearman(expected: Sequence[float], given: Sequence[float]) -> float:
    """Return Spearman's rank correlation; 0 where all given values are equal."""
    if len(set(given)) < 2 or len(set(expected)) < 2:
        return 0.0
    return float(spearmanr(expected, given).statistic)


def inversions(temperatures: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return the pairs of steps two or more apart of which the higher step is the colder one."""
    return [
        (low, high)
        for low, high in combinations(sorted(temperatures), 2)
        if high - low >= 2 and temperatures[high] < temperatures[low]
    ]


def share(passed: Sequence[bool]) -> float:
    """Return the share that passed; 0 of none."""
    return sum(passed) / len(passed) if passed else 0.0
