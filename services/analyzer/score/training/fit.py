"""Fits the head: kernel ridge regression of heat on lines and on pooled conversations, and of kinds on lines.

A conversation's grade is a bag's label: the pooled heat of its lines should meet it. The pooling's weights depend on
the heats, so they are computed from the last fit and the equations solved again; three rounds are enough. Everything
is deterministic: fixed seeds, one text encoded at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.training.data import (
    GradedDialogue,
    GradedLine,
    data_sha256,
    graded_dialogues,
    graded_lines,
)
from services.analyzer.score.words.encoder import Encoder
from services.analyzer.score.words.head import KINDS, PROBE, Floats, Head, features_of, rbf
from services.analyzer.score.words.pooling import pooling_weights

_GAMMA = 0.3
_RIDGE = 0.2
_KIND_RIDGE = 0.3
_DIALOGUE_WEIGHT = 1.0  # of a conversation's grade against a line's
_ROUNDS = 3
_DIALOGUE_LANDMARKS = 1200  # utterances of conversations that stand beside all graded lines as landmarks
_SEED = 0
_LEAST_SCALE = 0.02  # a number of the encoder that hardly varies is not blown up
_FOLDS, _BLOCK = 5, 20  # twins stand side by side: folds are made of blocks of lines
_PRECISION = 0.75  # a reason that is wrong is worse than none
_NEVER = 9.0


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Lines' own vectors and those of their contexts, n by layers by dimensions."""

    own: Floats
    context: Floats


def fit(encoder: Encoder) -> Head:
    """Return a head fitted to all graded lines and dialogues; some minutes."""
    lines, dialogues = graded_lines(), graded_dialogues()
    of_lines = encode_lines(encoder, lines)
    of_utterances = encode_dialogues(encoder, dialogues)
    return fit_encoded(lines, of_lines, dialogues, of_utterances, encoder.encode(PROBE))


def encode_lines(encoder: Encoder, lines: Sequence[GradedLine]) -> Encoded:
    """Encode graded lines alone and with their neighbours."""
    return _encoded(encoder, [(line.before, line.text, line.after) for line in lines])


def encode_dialogues(encoder: Encoder, dialogues: Sequence[GradedDialogue]) -> Encoded:
    """Encode the utterances of all dialogues, one after the other, alone and with their neighbours."""
    exchanges = []
    for dialogue in dialogues:
        padded = ("", *dialogue.utterances, "")
        exchanges += list(zip(padded, padded[1:], padded[2:], strict=False))
    return _encoded(encoder, exchanges)


def _encoded(encoder: Encoder, exchanges: Sequence[tuple[str, str, str]]) -> Encoded:
    own = np.stack([encoder.encode(text) for _, text, _ in exchanges])
    context = np.stack([encoder.encode(" ".join(exchange)) for exchange in exchanges])
    return Encoded(own, context)


def fit_encoded(
    lines: Sequence[GradedLine],
    of_lines: Encoded,
    dialogues: Sequence[GradedDialogue],
    of_utterances: Encoded,
    probe: Floats,
) -> Head:
    """Return a head fitted to encoded lines and dialogues."""
    own = np.concatenate([of_lines.own, of_utterances.own])
    context = np.concatenate([of_lines.context, of_utterances.context])
    means = np.stack([vectors.mean(axis=0) for vectors in (own, context)])
    scales = np.stack([vectors.std(axis=0) for vectors in (own, context)]) + np.float32(_LEAST_SCALE)
    rows = features_of(of_lines.own, of_lines.context, means, scales)
    utterances = features_of(of_utterances.own, of_utterances.context, means, scales)
    picked = np.random.default_rng(_SEED).permutation(len(utterances))[:_DIALOGUE_LANDMARKS]
    landmarks, scale = _as_bytes(np.concatenate([rows, utterances[picked]]))
    rounded = landmarks.astype(np.float32) * np.float32(scale)

    similar, prior = rbf(rows, rounded, _GAMMA), rbf(rounded, rounded, _GAMMA)
    heat = np.array([line.heat for line in lines], np.float32)
    kinds = np.array([[kind in line.kinds for kind in KINDS] for line in lines], np.float32)
    bias = np.concatenate([[heat.mean()], kinds.mean(axis=0)]).astype(np.float32)
    equations = _Equations(similar.T @ similar + _RIDGE * prior, similar.T @ (heat - bias[0]), float(bias[0]))
    heat_weights = _fit_heat(equations, dialogues, rbf(utterances, rounded, _GAMMA))
    kind_weights = _solve(similar.T @ similar + _KIND_RIDGE * prior, similar.T @ (kinds - bias[1:]))
    return Head(
        means=means.astype(np.float16),
        scales=scales.astype(np.float16),
        landmarks=landmarks,
        landmark_scale=scale,
        gamma=_GAMMA,
        weights=np.column_stack([heat_weights, kind_weights]).astype(np.float32),
        bias=bias,
        thresholds=_thresholds(rows, kinds),
        probe=probe,
        data_sha256=data_sha256(),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Equations:
    """The normal equations of heat on lines, relative to `bias`."""

    left: Floats
    right: Floats
    bias: float


def _fit_heat(lines: _Equations, dialogues: Sequence[GradedDialogue], of_utterances: Floats) -> Floats:
    """Return the landmarks' weights for heat."""
    weights = _solve(lines.left, lines.right)
    wanted = np.array([dialogue.heat for dialogue in dialogues], np.float32) - np.float32(lines.bias)
    for _ in range(_ROUNDS - 1):
        heats = np.clip(of_utterances @ weights + np.float32(lines.bias), 0, 1)
        bags = _bags(dialogues, of_utterances, heats)
        left = (lines.left + np.float32(_DIALOGUE_WEIGHT) * bags.T @ bags).astype(np.float32)
        weights = _solve(left, lines.right + np.float32(_DIALOGUE_WEIGHT) * bags.T @ wanted)
    return weights


def _bags(dialogues: Sequence[GradedDialogue], of_utterances: Floats, heats: Floats) -> Floats:
    """Return one row for each dialogue: its utterances' rows, weighted as the pooling weights them."""
    bags, at = [], 0
    for dialogue in dialogues:
        to = at + len(dialogue.utterances)
        words = [len(utterance.split()) for utterance in dialogue.utterances]
        bags.append(pooling_weights(heats[at:to].tolist(), words).astype(np.float32) @ of_utterances[at:to])
        at = to
    return np.stack(bags)


def _thresholds(rows: Floats, kinds: Floats) -> Floats:
    """Return for each kind the lowest score from which on three quarters of the lines named by it are of it.

    The scores are those of folds that the fit did not see.
    """
    fold = np.random.default_rng(_SEED).permutation(len(rows) // _BLOCK + 1)[np.arange(len(rows)) // _BLOCK] % _FOLDS
    scores = np.zeros_like(kinds)
    for number in range(_FOLDS):
        seen = fold != number
        mean = kinds[seen].mean(axis=0)
        similar = rbf(rows[seen], rows[seen], _GAMMA)
        weights = _solve(similar + _KIND_RIDGE * np.eye(len(similar), dtype=np.float32), kinds[seen] - mean)
        scores[~seen] = rbf(rows[~seen], rows[seen], _GAMMA) @ weights + mean
    return np.array([_threshold(scores[:, kind], kinds[:, kind]) for kind in range(len(KINDS))], np.float32)


def _threshold(scores: Floats, is_kind: Floats) -> float:
    order = np.argsort(-scores)
    precision = np.cumsum(is_kind[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero((precision >= _PRECISION) & (np.cumsum(is_kind[order]) >= 5))  # noqa: PLR2004
    return float(scores[order][enough[-1]]) if len(enough) else _NEVER


def _solve(left: Floats, right: Floats) -> Floats:
    steady = left + np.float32(1e-4) * np.eye(len(left), dtype=np.float32)
    solution: Floats = np.linalg.solve(steady, right).astype(np.float32)
    return solution


def _as_bytes(vectors: Floats) -> tuple[NDArray[np.int8], float]:
    """Return vectors as 8-bit numbers and what to multiply them by; outliers are clipped."""
    scale = float(np.quantile(np.abs(vectors), 0.9995)) / 127
    return np.clip(np.rint(vectors / scale), -127, 127).astype(np.int8), scale
