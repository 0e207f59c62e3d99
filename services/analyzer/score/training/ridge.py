"""The linear algebra of fitting: ridge regression over landmarks, and the directions in which a fit changes most."""

import numpy as np

from services.analyzer.score.words.head import Floats

# Lines that stand twice make the equations singular; large weights that cancel out would not survive the rounding of
# the file. The sums are taken in 64 bits, because in 32 their error is larger than this.
_JITTER = 0.03


def solve(similar: Floats, prior: Floats, wanted: Floats, ridge: float) -> Floats:
    """Return the landmarks' weights w that minimise |similar · w - wanted|² + ridge · w' · prior · w."""
    exact = similar.astype(np.float64)
    left = exact.T @ exact + ridge * prior.astype(np.float64) + _JITTER * np.eye(len(prior))
    weights: Floats = np.linalg.solve(left, exact.T @ wanted.astype(np.float64)).astype(np.float32)
    return weights


def sharpest_directions(rows: Floats, weighted: Floats, landmarks: Floats, rank: int) -> Floats:
    """Return a matrix that turns rows to the `rank` directions in which the fit changes most, each as long as it does.

    `weighted` is the similarity of each row with each landmark times the landmark's weight: the gradient of the fit at
    a row is then proportional to the row times the sum of `weighted`, minus `weighted` times the landmarks.
    """
    gradients = rows * weighted.sum(axis=1, keepdims=True) - weighted @ landmarks
    squares, directions = np.linalg.eigh((gradients.T @ gradients).astype(np.float64))
    largest = np.argsort(-squares)[:rank]
    lengths = np.sqrt(np.maximum(squares[largest], 0) / squares.max())
    turned: Floats = (directions[:, largest] * lengths).astype(np.float32)
    return turned
