"""The graded lines and dialogues that the head is fitted to, as typed values."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

LINES_FILE = Path(__file__).with_name("graded_lines.jsonl")
MORE_LINES_FILE = Path(__file__).with_name("more_lines.jsonl")
DIALOGUES_FILE = Path(__file__).with_name("dialogues.jsonl")
HEARD_FILE = Path(__file__).with_name("heard_dialogues.jsonl")

_CALM = 0.1  # heat
_CALM_WEIGHT = 0.5  # of each calm added line: they are many, and in full they draw mild irritation down to calm
_HEARD_WEIGHT = 0.5  # of each of the two hearings of a dialogue


@dataclass(frozen=True, slots=True)
class GradedLine:
    """A line with what was said before and after it, its mean grade as heat (0 to 1), its kinds, and its weight."""

    before: str
    text: str
    after: str
    heat: float
    kinds: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class GradedDialogue:
    """A conversation with the grade of the whole as heat (0 to 1), and its weight."""

    topic: str
    utterances: tuple[str, ...]
    heat: float
    weight: float = 1.0


def graded_lines() -> list[GradedLine]:
    """Read the graded lines, in the order of the files: twins stand side by side."""
    added = [_line(row) for row in MORE_LINES_FILE.read_text().splitlines()]
    weighed = [replace(line, weight=_CALM_WEIGHT) if line.heat <= _CALM else line for line in added]
    return [_line(row) for row in LINES_FILE.read_text().splitlines()] + weighed


def graded_dialogues() -> list[GradedDialogue]:
    """Read the graded dialogues in the order of the files: as they were written, then as a recogniser heard them."""
    rows = [json.loads(row) for row in DIALOGUES_FILE.read_text().splitlines()]
    written = {
        row["id"]: GradedDialogue(row["topic"], tuple(row["utterances"]), (row["grade"] - 1) / 99) for row in rows
    }
    heard = [json.loads(row) for row in HEARD_FILE.read_text().splitlines()]
    return [
        *written.values(),
        *(replace(written[row["of"]], utterances=tuple(row["lines"]), weight=_HEARD_WEIGHT) for row in heard),
    ]


def data_sha256() -> str:
    """Return the hash of all that a head is fitted to."""
    files = (LINES_FILE, MORE_LINES_FILE, DIALOGUES_FILE, HEARD_FILE)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _line(row: str) -> GradedLine:
    line = json.loads(row)
    heat = sum(line["grades"]) / 200
    return GradedLine(line["before"], line["text"], line["after"], heat, tuple(line["kinds"]), weight=1.0)
