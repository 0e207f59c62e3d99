import numpy as np

from services.analyzer.score.training.data import GradedDialogue, data_sha256, graded_dialogues, graded_lines
from services.analyzer.score.training.encoded import Conversations
from services.analyzer.score.training.heat import fit_heat
from services.analyzer.score.training.ridge import solve
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


def test_lines_that_stand_twice_share_their_weight_and_do_not_blow_it_up() -> None:
    random = np.random.default_rng(2)
    rows = random.standard_normal((300, 30)).astype(np.float32)
    twice = np.concatenate([rows, rows])
    similar = 10 * np.repeat(rbf(twice, twice, 0.01), 20, axis=0)  # many equations: their sums are large
    wanted = 10 * np.repeat(np.tanh(twice[:, 0]), 20)
    weights = solve(similar, rbf(twice, twice, 0.01), wanted.astype(np.float32), 0.15)
    assert np.abs(weights[:300] - weights[300:]).max() < 0.001
    assert np.abs(similar @ weights - wanted).mean() < 0.05


def test_versions_of_a_conversation_are_told_to_differ_by_nothing() -> None:
    said = [("a", ("one two", "three")), ("b", ("four",)), ("a", ("one too", "tree")), ("a", ("won", "free"))]
    dialogues = [GradedDialogue(name, "topic", lines, 0.5) for name, lines in said]
    conversations = Conversations(dialogues, np.zeros((7, 2), np.float32))
    pooled = np.array([[1, 0], [9, 9], [0.5, 0], [0.5, 1]], np.float32)
    assert np.allclose(conversations.differences(pooled), np.sqrt(5) * np.array([[0.5, 0], [0, -1]]))
