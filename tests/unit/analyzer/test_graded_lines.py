"""The graded lines are well formed, each written once, and their two grades agree."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

TRAINING = Path(__file__).parents[3] / "services/analyzer/score/training"
FIRST, MORE = "graded_lines.jsonl", "more_lines.jsonl"
TOPICS = {"service", "work", "family", "lookalike", "wordless", "everyday"}
KINDS = {
    "threat", "insult", "contempt", "blame", "demand", "ultimatum",
    "frustration", "sarcasm", "disagreement", "interruption", "de_escalation", "apology",
}  # fmt: skip


def _read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TRAINING / name).read_text().splitlines()]


@pytest.mark.parametrize(("name", "least", "misheard"), [(FIRST, 2000, 300), (MORE, 1424, 58)])
def test_every_line_has_the_documented_members(name: str, least: int, misheard: int) -> None:
    lines = _read(name)
    assert len(lines) >= least
    assert sum(line["misheard"] for line in lines) >= misheard
    for line in lines:
        assert set(line) == {"topic", "misheard", "grades", "kinds", "before", "text", "after"}
        assert line["topic"] in TOPICS
        assert set(line["kinds"]) <= KINDS
        assert len(line["grades"]) == 2
        assert all(grade in range(0, 101, 5) for grade in line["grades"])
        assert line["text"].strip() == line["text"] != ""


def test_no_line_stands_there_twice() -> None:
    texts = [line["text"].casefold() for name in (FIRST, MORE) for line in _read(name)]
    assert len(set(texts)) == len(texts)


def test_no_dialogue_has_an_added_line() -> None:
    added = {line[member].casefold() for line in _read(MORE) for member in ("before", "text", "after")}
    said = {text.casefold() for dialogue in _read("dialogues.jsonl") for text in dialogue["utterances"]}
    recurs = {"are you calling me a liar?"}  # as anybody says it
    assert {text for text in said & added if len(text.split()) > 3} <= recurs  # "Yes, of course." may recur
    assert said & {line["text"].casefold() for line in _read(MORE) if len(line["text"].split()) > 2} <= recurs


@pytest.mark.parametrize(
    ("name", "distance", "within_ten", "far_apart", "correlation"),
    [(FIRST, 3.7, 0.96, 14, 0.96), (MORE, 1.3, 1.0, 0, 0.97)],
)
def test_the_two_grades_of_a_line_agree_as_documented(
    name: str, distance: float, within_ten: float, far_apart: int, correlation: float
) -> None:
    grades = np.array([line["grades"] for line in _read(name)], np.float64)
    distances = np.abs(grades[:, 0] - grades[:, 1])
    assert distances.mean() == pytest.approx(distance, abs=0.05)
    assert (distances <= 10).mean() == pytest.approx(within_ten, abs=0.005)
    assert np.sum(distances >= 30) == far_apart
    ranks = np.array([_mean_ranks(column) for column in grades.T])
    assert np.corrcoef(ranks)[0, 1] == pytest.approx(correlation, abs=0.005)


def test_the_added_lines_are_mostly_calm() -> None:
    lines = _read(MORE)
    means = np.array([np.mean(line["grades"]) for line in lines])
    assert (means < 20).mean() == pytest.approx(0.66, abs=0.005)
    assert (means >= 50).mean() == pytest.approx(0.24, abs=0.005)
    assert not any(line["kinds"] for line, mean in zip(lines, means, strict=True) if mean <= 5)


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank values; equal ones share the mean of their ranks."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return means[index]
