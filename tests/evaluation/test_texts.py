"""The evaluation's texts keep to their form, and no training has seen them."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from tests.evaluation.dialogues import TEXTS, load

TRAINING = Path(__file__).parents[2] / "services" / "analyzer" / "score" / "training"
FEWEST_WORDS = 5  # of a line that can't be the same by chance


def normalized(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower().replace("’", "'")))


def strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for each in value.values() for text in strings(each)]
        case list():
            return [text for each in value for text in strings(each)]
        case _:
            return []


def lines_of(folder: Path) -> set[str]:
    texts = [
        normalized(text)
        for path in folder.rglob("*.jsonl")
        for line in path.read_text().splitlines()
        for text in strings(json.loads(line))
    ]
    return {text for text in texts if len(text.split()) >= FEWEST_WORDS}


def test_no_line_was_trained_on() -> None:
    trained, ours = lines_of(TRAINING), lines_of(TEXTS)
    assert len(trained) > 1000
    assert len(ours) > 500
    assert trained & ours == set()


def test_there_are_twelve_ladders_or_more_of_five_steps_each() -> None:
    steps = Counter(each.topic for each in load("ladders"))
    assert len(steps) >= 12
    assert {*steps.values()} == {5}
    assert all(4 <= len(each.lines) <= 7 for each in load("ladders"))


def test_there_are_thirty_counter_cases_or_more_and_some_are_hot() -> None:
    cases = load("counter_cases")
    assert len(cases) >= 30
    assert sum(low >= 35 for low, _ in (case.band for case in cases)) >= 10


def test_every_case_has_a_name_of_its_own() -> None:
    for path in TEXTS.glob("*.jsonl"):
        names = Counter(each.id for each in load(path.stem))
        assert [name for name, count in names.items() if count > 1] == [], path.name


def test_the_pairs_differ_in_their_third_line_alone() -> None:
    for pair in load("monotone_pairs"):
        changed = pair.with_changed_line()
        assert [
            number for number, lines in enumerate(zip(pair.lines, changed, strict=True)) if lines[0] != lines[1]
        ] == [2]
        assert changed[2].speaker == pair.lines[2].speaker
