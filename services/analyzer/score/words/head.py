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
PEACEFUL = frozenset({"de_escalation", "apology", "disagreement"})
GRAVE = frozenset({"threat", "insult"})
"""Kinds that accuse somebody where they are named wrongly."""

NAMED_FROM = 0.3
"""The heat below which a line has none of the kinds that are not peaceful."""

CONTEXT_SHARE = 0.7  # of the line with its neighbours, against the line alone
_BATCH = 256  # lines at a time, so that a long conversation needs no more memory


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A fitted head.

    `means` and `scales` (2 by layers by dimensions) standardise the vectors of a line and of a line with its
    neighbours. `projection` (2 · layers · dimensions by rank) keeps of them what heat depends on; `landmarks` (n by
    rank), `weights` (n) and `bias` give heat. `kind_weights` (2 · layers · dimensions by kinds) and `kind_shares` give
    a score for each kind, which is named from its `thresholds` on. `probe` are the encoder's vectors of PROBE at the
    time of fitting, `data_sha256` the hash of what was fitted.
    """

    means: Floats
    scales: Floats
    projection: Floats
    landmarks: Floats
    gamma: float
    weights: Floats
    bias: float
    kind_weights: Floats
    kind_shares: Floats
    thresholds: Floats
    probe: Floats
    data_sha256: str

    def predict(self, lines: Floats, contexts: Floats) -> Floats:
        """Return heat and the score of each kind, n by 1 + kinds, for vectors of n by layers by dimensions."""
        batches = [
            self._predict(features_of(lines[at : at + _BATCH], contexts[at : at + _BATCH], self.means, self.scales))
            for at in range(0, len(lines), _BATCH)
        ]
        return np.concatenate(batches or [np.zeros((0, 1 + len(KINDS)), np.float32)])

    def _predict(self, features: Floats) -> Floats:
        heats = rbf(features @ self.projection, self.landmarks, self.gamma) @ self.weights + np.float32(self.bias)
        return np.column_stack([heats, features @ self.kind_weights + self.kind_shares])


PROBE = "I told you twice already, and nobody called me back."
"""A text whose vectors are compared with stored ones, since processors round the quantised model differently."""


def features_of(lines: Floats, contexts: Floats, means: Floats, scales: Floats) -> Floats:
    """Return one row of features for each line: its own layers and those of its context, standardised, side by side."""
    own = _unit((lines - means[0]) / scales[0]).reshape(len(lines), -1)
    context = _unit((contexts - means[1]) / scales[1]).reshape(len(contexts), -1)
    both = np.hstack([own, np.float32(CONTEXT_SHARE) * context])
    rows: Floats = (both / np.sqrt(lines.shape[1])).astype(np.float32)
    return rows


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
            projection=file["projection"].astype(np.float32),
            landmarks=file["landmarks"].astype(np.float32),
            gamma=float(file["gamma"]),
            weights=file["weights"].astype(np.float32),
            bias=float(file["bias"]),
            kind_weights=file["kind_weights"].astype(np.float32),
            kind_shares=file["kind_shares"].astype(np.float32),
            thresholds=file["thresholds"].astype(np.float32),
            probe=file["probe"].astype(np.float32),
            data_sha256=str(file["data_sha256"]),
        )


def save_head(head: Head, path: Path = HEAD_FILE) -> None:
    """Write a head; the large arrays are rounded to 16 bits."""
    np.savez(
        path,
        means=head.means.astype(np.float16),
        scales=head.scales.astype(np.float16),
        projection=head.projection.astype(np.float16),
        landmarks=head.landmarks.astype(np.float16),
        gamma=np.float64(head.gamma),
        weights=head.weights,
        bias=np.float64(head.bias),
        kind_weights=head.kind_weights.astype(np.float16),
        kind_shares=head.kind_shares,
        thresholds=head.thresholds,
        probe=head.probe.astype(np.float16),
        data_sha256=np.str_(head.data_sha256),
    )


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-6))
    return unit
