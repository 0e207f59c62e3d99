"""The head: our own numbers, fitted to graded lines, that turn vectors of meaning into heat and kinds.

Kernel ridge regression (RBF) over landmarks: predicting is two matrix products and an exp. `make train` writes the
numbers to `head.npz`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HEAD_FILE = Path(__file__).with_name("head.npz")
KINDS = (
    "threat", "insult", "contempt", "blame", "demand", "ultimatum",
    "frustration", "sarcasm", "disagreement", "interruption", "de_escalation", "apology",
)  # fmt: skip

_CONTEXT_SHARE = 0.7  # of the line with its neighbours, against the line alone
_BATCH = 256  # lines at a time, so that a long conversation needs no more memory


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A fitted head.

    `means` and `scales` (2 by layers by dimensions) standardise the vectors of a line and of a line with its
    neighbours; `landmarks` (n by 2 · dimensions) are 8-bit, to be multiplied by `landmark_scale`; `weights` (n by
    1 + kinds) and `bias` give heat and then each kind; a kind is named from its `thresholds` on. `probe` are the
    encoder's vectors of PROBE at the time of fitting, `data_sha256` the hash of what was fitted.
    """

    means: Floats
    scales: Floats
    landmarks: NDArray[np.int8]
    landmark_scale: float
    gamma: float
    weights: Floats
    bias: Floats
    thresholds: Floats
    probe: Floats
    data_sha256: str

    def predict(self, lines: Floats, contexts: Floats) -> Floats:
        """Return heat and the score of each kind, n by 1 + kinds, for vectors of n by layers by dimensions."""
        features = features_of(lines, contexts, self.means, self.scales)
        landmarks = self.landmarks.astype(np.float32) * np.float32(self.landmark_scale)
        return np.concatenate(
            [
                rbf(features[at : at + _BATCH], landmarks, self.gamma) @ self.weights + self.bias
                for at in range(0, len(features), _BATCH)
            ]
            or [np.zeros((0, len(self.bias)), np.float32)]
        )


PROBE = "I told you twice already, and nobody called me back."
"""A text whose vectors are compared with stored ones, since processors round the quantised model differently."""


def features_of(lines: Floats, contexts: Floats, means: Floats, scales: Floats) -> Floats:
    """Return one row of features for each line: its own vector and that of its context, standardised, side by side."""
    own = _unit_sum((lines - means[0]) / scales[0])
    context = _unit_sum((contexts - means[1]) / scales[1])
    return np.hstack([own, np.float32(_CONTEXT_SHARE) * context])


def rbf(rows: Floats, landmarks: Floats, gamma: float) -> Floats:
    """Return the similarity of each row with each landmark, exp(-gamma · squared distance)."""
    squares = (rows**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2 * rows @ landmarks.T
    similar: Floats = np.exp(-np.float32(gamma) * np.maximum(squares, 0))
    return similar


def load_head(path: Path = HEAD_FILE) -> Head:
    """Read a fitted head; raises OSError, KeyError or ValueError if the file is not one."""
    with np.load(path, allow_pickle=False) as file:
        return Head(
            means=file["means"].astype(np.float32),
            scales=file["scales"].astype(np.float32),
            landmarks=file["landmarks"],
            landmark_scale=float(file["landmark_scale"]),
            gamma=float(file["gamma"]),
            weights=file["weights"].astype(np.float32),
            bias=file["bias"].astype(np.float32),
            thresholds=file["thresholds"].astype(np.float32),
            probe=file["probe"].astype(np.float32),
            data_sha256=str(file["data_sha256"]),
        )


def save_head(head: Head, path: Path = HEAD_FILE) -> None:
    """Write a head, the same bytes for the same numbers."""
    np.savez(
        path,
        means=head.means,
        scales=head.scales,
        landmarks=head.landmarks,
        landmark_scale=np.float64(head.landmark_scale),
        gamma=np.float64(head.gamma),
        weights=head.weights,
        bias=head.bias,
        thresholds=head.thresholds,
        probe=head.probe,
        data_sha256=np.str_(head.data_sha256),
    )


def _unit_sum(layers: Floats) -> Floats:
    """Return the sum of each line's layers, each layer of length one, as a vector of length one."""
    return _unit(_unit(layers).sum(axis=1))


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-6))
    return unit
