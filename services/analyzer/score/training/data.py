"""The graded lines and dialogues that the head is fitted to, as typed values."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

LINES_FILE = Path(__file__).with_name("graded_lines.jsonl")
DIALOGUES_FILE = Path(__file__).with_name("dialogues.jsonl")


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
    """A conversation with the grade of the whole as heat (0 to 1)."""

    topic: str
    utterances: tuple[str, ...]
    heat: float


def graded_lines() -> list[GradedLine]:
    """Read the graded lines, in the order of the file: twins stand side by side."""
    rows = [json.loads(row) for row in LINES_FILE.read_text().splitlines()]
    return [
        GradedLine(row["before"], row["text"], row["after"], sum(row["grades"]) / 200, tuple(row["kinds"]))
        for row in rows
    ]


def graded_dialogues() -> list[GradedDialogue]:
    """Read the graded dialogues, in the order of the file."""
    rows = [json.loads(row) for row in DIALOGUES_FILE.read_text().splitlines()]
    return [GradedDialogue(row["topic"], tuple(row["utterances"]), (row["grade"] - 1) / 99) for row in rows]


def data_sha256() -> str:
    """Return the hash of all that a head is fitted to."""
    return hashlib.sha256(LINES_FILE.read_bytes() + DIALOGUES_FILE.read_bytes()).hexdigest()
