"""The graded lines are well formed, each written once, and their two grades agree."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FILE = Path(__file__).parents[3] / "services/analyzer/score/training/graded_lines.jsonl"
TOPICS = {"service", "work", "family", "lookalike", "wordless"}
KINDS = {
    "threat", "insult", "contempt", "blame", "demand", "ultimatum",
    "frustration", "sarcasm", "disagreement", "interruption", "de_escalation", "apology",
}  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILE.read_text().splitlines()]


def test_every_line_has_the_documented_members(lines: list[dict[str, Any]]) -> None:
    assert len(lines) >= 2000
    for line in lines:
        assert set(line) == {"topic", "misheard", "grades", "kinds", "before", "text", "after"}
        assert line["topic"] in TOPICS
        assert set(line["kinds"]) <= KINDS
        assert len(line["grades"]) == 2
        assert all(grade in range(0, 101, 5) for grade in line["grades"])
        assert line["text"].strip() == line["text"] != ""


def test_no_line_stands_there_twice(lines: list[dict[str, Any]]) -> None:
    texts = [line["text"].casefold() for line in lines]
    assert len(set(texts)) == len(texts)


def test_the_two_grades_of_a_line_agree_as_documented(lines: list[dict[str, Any]]) -> None:
    grades = np.array([line["grades"] for line in lines], np.float64)
    distances = np.abs(grades[:, 0] - grades[:, 1])
    assert distances.mean() == pytest.approx(4.1, abs=0.05)
    assert (distances <= 10).mean() == pytest.approx(0.96, abs=0.005)
    assert np.sum(distances >= 30) == 14
    ranks = np.array([_mean_ranks(column) for column in grades.T])
    assert np.corrcoef(ranks)[0, 1] == pytest.approx(0.96, abs=0.005)


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank values; equal ones share the mean of their ranks."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return means[index]
