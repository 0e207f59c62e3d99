"""Fits heat: kernel ridge regression on lines and on pooled conversations, with a kernel that learns where to look.

A conversation's grade is a bag's label: the pooled heat of its lines should meet it. The pooling's weights depend on
the heats, so they are computed from the last fit and the equations solved again. What was written and its
hearings should come out alike, which is an equation for each pair of versions.

Features are projected on the directions in which the fitted heat changes most (the average outer product of its
gradients, Radhakrishnan et al., doi:10.1126/science.adi5639), and the fit is repeated. Seeds are fixed.
"""

from dataclasses import dataclass

import numpy as np

from services.analyzer.score.training.encoded import Conversations
from services.analyzer.score.training.ridge import sharpest_directions, solve
from services.analyzer.score.words.head import CONTEXT_SHARE, Floats, rbf

GAMMA = 0.4
RIDGE = 0.2
RANK = 192
_POOLINGS = 2
_PROJECTIONS = 2
_DIALOGUE_LANDMARKS = 1200  # utterances of conversations that stand beside all graded lines as landmarks
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Heat as a function of features: a projection, landmarks in its space, their weights, and a constant."""

    projection: Floats
    landmarks: Floats
    weights: Floats
    bias: float


def fit_heat(rows: Floats, heat: Floats, conversations: Conversations) -> Fitted:
    """Fit heat to lines' features and to conversations (there may be none), learning a projection on the way.

    `heat` has one number for each line.
    """
    bias = float(heat.mean())
    wanted_of_lines = heat - bias
    utterances = conversations.features
    picked = np.random.default_rng(_SEED).permutation(len(utterances))[:_DIALOGUE_LANDMARKS]
    projection = _of_usual_length(np.eye(rows.shape[1], dtype=np.float32), rows)
    for step in range(_PROJECTIONS + 1):
        projected, spoken = rows @ projection, utterances @ projection
        landmarks = _rounded(np.concatenate([projected, spoken[picked]]))
        similar, of_utterances = rbf(projected, landmarks, GAMMA), rbf(spoken, landmarks, GAMMA)
        prior = rbf(landmarks, landmarks, GAMMA)
        weights = solve(similar, prior, wanted_of_lines, RIDGE)
        for _ in range(_POOLINGS if conversations.dialogues else 0):
            bags = conversations.pooled(of_utterances, of_utterances @ weights + bias)
            alike = conversations.differences(bags)
            graded = conversations.counted * (conversations.heats - bias)
            equations = np.concatenate([similar, conversations.counted[:, np.newaxis] * bags, alike])
            wanted = np.concatenate([wanted_of_lines, graded, np.zeros(len(alike), np.float32)])
            weights = solve(equations, prior, wanted.astype(np.float32), RIDGE)
        if step < _PROJECTIONS:
            seen = np.concatenate([similar, of_utterances])
            turn = sharpest_directions(np.concatenate([projected, spoken]), seen * weights, landmarks, RANK)
            projection = _of_usual_length(projection @ turn, rows)
    return Fitted(projection, landmarks, weights, bias)


def _of_usual_length(projection: Floats, rows: Floats) -> Floats:
    """Scale a projection so that projected rows are on average as long as the rows of text and context are."""
    length = np.sqrt(((rows @ projection) ** 2).sum(axis=1).mean())
    return _rounded(projection * np.float32(np.sqrt(1 + CONTEXT_SHARE**2) / length))


def _rounded(numbers: Floats) -> Floats:
    """Round as the head's file does, so that the fit is to what is stored."""
    return numbers.astype(np.float16).astype(np.float32)
