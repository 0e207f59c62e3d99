import numpy as np

from services.analyzer.score.training.data import data_sha256, graded_dialogues, graded_lines
from services.analyzer.score.training.encoded import Conversations
from services.analyzer.score.training.heat import fit_heat
from services.analyzer.score.words.head import HEAD_FILE, KINDS, load_head, rbf


def test_the_stored_head_was_fitted_to_the_stored_texts() -> None:
    assert load_head().data_sha256 == data_sha256(), "the graded texts changed: run `make train`"


def test_the_head_is_small_and_complete() -> None:
    head = load_head()
    assert HEAD_FILE.stat().st_size < 3_200_000
    assert head.weights.shape == (len(head.landmarks),)
    assert head.kind_weights.shape == (head.projection.shape[0], len(KINDS))


def test_every_grade_lies_between_cold_and_hot() -> None:
    assert all(0 <= line.heat <= 1 for line in graded_lines())
    assert all(0 <= dialogue.heat <= 1 for dialogue in graded_dialogues())
    assert {kind for line in graded_lines() for kind in line.kinds} == set(KINDS)


def test_fitting_the_same_numbers_twice_gives_the_same_head_and_learns_where_to_look() -> None:
    random = np.random.default_rng(1)
    rows = random.standard_normal((300, 40)).astype(np.float32)
    heat = (1 / (1 + np.exp(-2 * rows[:, 3]))).astype(np.float32)  # one direction of forty matters
    nothing = Conversations((), rows[:0])
    first, again = (fit_heat(rows, heat, nothing) for _ in range(2))
    assert np.array_equal(first.weights, again.weights)
    unseen = random.standard_normal((100, 40)).astype(np.float32)
    predicted = rbf(unseen @ first.projection, first.landmarks, 0.25) @ first.weights + first.bias
    assert np.corrcoef(predicted, unseen[:, 3])[0, 1] > 0.8
