"""The training dialogues are well formed, graded within their bands, and hotter with each step of a ladder."""

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

TRAINING = Path(__file__).parents[3] / "services/analyzer/score/training"
MEMBERS = {"id", "topic", "kind", "step", "misheard", "utterances", "band", "grade"}
UTTERANCES = {"ladder": (4, 9), "counter": (3, 10), "medium": (12, 25), "long": (40, 70), "single": (1, 3)}
AT_LEAST = {"ladder": 195, "counter": 150, "medium": 20, "long": 18, "single": 45}
GRADE_BESIDE_BAND = 8


@pytest.fixture(scope="module")
def dialogues() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TRAINING / "dialogues.jsonl").read_text().splitlines()]


def test_every_dialogue_has_the_documented_members(dialogues: list[dict[str, Any]]) -> None:
    for dialogue in dialogues:
        assert set(dialogue) == MEMBERS
        shortest, longest = UTTERANCES[dialogue["kind"]]
        assert shortest <= len(dialogue["utterances"]) <= longest, dialogue["id"]
        assert all(text.strip() == text != "" for text in dialogue["utterances"])
        assert (dialogue["step"] is not None) == (dialogue["kind"] == "ladder")


def test_ids_and_conversations_stand_there_once(dialogues: list[dict[str, Any]]) -> None:
    assert len({dialogue["id"] for dialogue in dialogues}) == len(dialogues)
    conversations = {"\n".join(dialogue["utterances"]).casefold() for dialogue in dialogues}
    assert len(conversations) == len(dialogues)


def test_there_are_as_many_of_each_kind_as_documented(dialogues: list[dict[str, Any]]) -> None:
    heard = [dialogue["kind"] for dialogue in dialogues if not dialogue["misheard"]]
    for kind, least in AT_LEAST.items():
        assert heard.count(kind) >= least
    assert len(dialogues) - len(heard) >= 250


def test_all_but_a_few_written_dialogues_were_heard_as_they_are_and_changed(dialogues: list[dict[str, Any]]) -> None:
    rows = [json.loads(line) for line in (TRAINING / "heard_dialogues.jsonl").read_text().splitlines()]
    written = {dialogue["id"] for dialogue in dialogues if not dialogue["misheard"]}
    for changed in (False, True):
        assert len({row["of"] for row in rows if (row["change"] is not None) == changed}) >= 0.97 * len(written)


def test_bands_lie_in_the_scale_and_grades_near_their_bands(
    dialogues: list[dict[str, Any]],
) -> None:
    for dialogue in dialogues:
        low, high = dialogue["band"]
        assert 1 <= low < high <= 100
        assert low - GRADE_BESIDE_BAND <= dialogue["grade"] <= high + GRADE_BESIDE_BAND


def test_each_step_of_a_ladder_is_hotter_than_the_one_before(
    dialogues: list[dict[str, Any]],
) -> None:
    ladders: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for dialogue in dialogues:
        if dialogue["kind"] == "ladder" and not dialogue["misheard"]:
            ladders[dialogue["topic"]].append(dialogue)
    for ladder in ladders.values():
        assert [rung["step"] for rung in ladder] == [1, 2, 3, 4, 5]
        for cooler, hotter in pairwise(ladder):
            assert cooler["band"][0] < hotter["band"][0]
            assert cooler["band"][1] < hotter["band"][1]
            assert cooler["grade"] < hotter["grade"]


def test_a_misheard_twin_follows_its_dialogue_and_shares_its_band(
    dialogues: list[dict[str, Any]],
) -> None:
    for heard, twin in pairwise(dialogues):
        if twin["misheard"]:
            assert twin["id"] == heard["id"] + "-m"
            assert (twin["band"], twin["grade"]) == (heard["band"], heard["grade"])
            assert all(text == text.lower() for text in twin["utterances"])


def test_no_utterance_is_also_a_graded_line(dialogues: list[dict[str, Any]]) -> None:
    lines = (json.loads(line) for line in (TRAINING / "graded_lines.jsonl").read_text().splitlines())
    graded = {line[member].casefold() for line in lines for member in ("before", "text", "after")}
    said = {text.casefold() for dialogue in dialogues for text in dialogue["utterances"]}
    assert {text for text in said & graded if len(text.split()) > 3} == set()  # "Yes, of course." may recur


def test_what_was_heard_is_of_a_written_dialogue_and_twice_at_most(dialogues: list[dict[str, Any]]) -> None:
    rows = [json.loads(line) for line in (TRAINING / "heard_dialogues.jsonl").read_text().splitlines()]
    written = {dialogue["id"] for dialogue in dialogues if not dialogue["misheard"]}
    assert {row["of"] for row in rows} <= written
    assert len({(row["of"], row["change"] is None) for row in rows}) == len(rows)
    assert all(row["lines"] and all(row["lines"]) for row in rows)
