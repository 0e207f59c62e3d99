"""Fits the kinds of lines: one linear score for each, and from which score on it is named."""

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.words.head import GRAVE, KINDS, Floats

_RIDGE = 1.0
_FOLDS, _BLOCK = 4, 20  # twins stand side by side: folds are made of blocks of lines
_SEED = 0
_PRECISION = 0.75  # a reason that is wrong is worse than none
_SURER_PRECISION = 0.85  # and a threat, insult or sneer that nobody made accuses somebody
_SURER = GRAVE | {"sarcasm"}
_LEAST_FOUND = 8
_NEVER = 9.0


def fit_kinds(rows: Floats, kinds: Floats) -> Floats:
    """Return the features' weights for each kind, to be added to the kinds' shares of all lines; ridge regression."""
    left = (rows.T @ rows).astype(np.float64) + _RIDGE * np.eye(rows.shape[1])
    right = (rows.T @ (kinds - kinds.mean(axis=0))).astype(np.float64)
    weights: Floats = np.linalg.solve(left, right).astype(np.float32)
    return weights


def thresholds_of(rows: Floats, kinds: Floats, hot: NDArray[np.bool_], peaceful: NDArray[np.bool_]) -> Floats:
    """Return for each kind the lowest score from which on enough of the lines named by it are of it.

    Enough are three of four, and 85 of 100 for a kind that accuses. The scores are those of folds that the fit did not
    see; a kind that is never found so surely is never named. Only the lines that are `hot` may be named by a kind that
    is not `peaceful` (a flag for each kind), so only they count.
    """
    scores = unseen_scores(rows, kinds)
    counted = [np.full(len(rows), True) if calm else hot for calm in peaceful]
    wanted = [_SURER_PRECISION if kind in _SURER else _PRECISION for kind in KINDS]
    found = [
        _threshold(scores[may, at], kinds[may, at], precision)
        for at, (may, precision) in enumerate(zip(counted, wanted, strict=True))
    ]
    return np.array(found, np.float32)


def unseen_scores(rows: Floats, kinds: Floats) -> Floats:
    """Return the score of each kind for each line, by a fit to the other folds' lines."""
    fold = np.random.default_rng(_SEED).permutation(len(rows) // _BLOCK + 1)[np.arange(len(rows)) // _BLOCK] % _FOLDS
    scores = np.zeros_like(kinds)
    for number in range(_FOLDS):
        seen = fold != number
        scores[~seen] = rows[~seen] @ fit_kinds(rows[seen], kinds[seen]) + kinds[seen].mean(axis=0)
    return scores


def _threshold(scores: Floats, is_kind: Floats, precision: float) -> float:
    order = np.argsort(-scores)
    found = np.cumsum(is_kind[order])
    precise = np.flatnonzero((found / np.arange(1, len(order) + 1) >= precision) & (found >= _LEAST_FOUND))
    return float(scores[order][precise[-1]]) if len(precise) else _NEVER
