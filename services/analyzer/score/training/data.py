"""The graded lines and dialogues that the head is fitted to, as typed values."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

LINES_FILE = Path(__file__).with_name("graded_lines.jsonl")
MORE_LINES_FILE = Path(__file__).with_name("more_lines.jsonl")
DIALOGUES_FILE = Path(__file__).with_name("dialogues.jsonl")
HEARD_FILE = Path(__file__).with_name("heard_dialogues.jsonl")

_HEARD_WEIGHT = 0.5  # of each of the two hearings of a dialogue


@dataclass(frozen=True, slots=True)
class GradedLine:
    """A line with what was said before and after it, its mean grade as heat (0 to 1), and its kinds."""

    before: str
    text: str
    after: str
    heat: float
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GradedDialogue:
    """A conversation with the grade of the whole as heat (0 to 1), and its weight; its hearings have its id."""

    id: str
    topic: str
    utterances: tuple[str, ...]
    heat: float
    weight: float = 1.0


def graded_lines() -> list[GradedLine]:
    """Read the graded lines, in the order of the files: twins stand side by side."""
    return [_line(row) for file in (LINES_FILE, MORE_LINES_FILE) for row in file.read_text().splitlines()]


def graded_dialogues() -> list[GradedDialogue]:
    """Read the graded dialogues in the order of the files: as they were written, then as a recogniser heard them."""
    rows = [json.loads(row) for row in DIALOGUES_FILE.read_text().splitlines()]
    written = {row["id"]: _dialogue(row) for row in rows}
    heard = [json.loads(row) for row in HEARD_FILE.read_text().splitlines()]
    return [*written.values(), *(_heard(written[row["of"]], row["lines"]) for row in heard)]


def data_sha256() -> str:
    """Return the hash of all that a head is fitted to."""
    files = (LINES_FILE, MORE_LINES_FILE, DIALOGUES_FILE, HEARD_FILE)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _dialogue(row: dict[str, Any]) -> GradedDialogue:
    heat = (row["grade"] - 1) / 99
    return GradedDialogue(row["id"], row["topic"], tuple(row["utterances"]), heat)


def _heard(written: GradedDialogue, lines: Sequence[str]) -> GradedDialogue:
    return replace(written, utterances=tuple(lines), weight=_HEARD_WEIGHT)


def _line(row: str) -> GradedLine:
    line = json.loads(row)
    heat = sum(line["grades"]) / 200
    return GradedLine(line["before"], line["text"], line["after"], heat, tuple(line["kinds"]))
