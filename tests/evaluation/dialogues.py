"""The evaluation's own texts: dialogues that no training has seen, a JSON object a line in `texts/`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).with_name("texts")


@dataclass(frozen=True, slots=True)
class Line:
    """What speaker `a` or `b` says; `gain` in dB and `speed` are for speech, `start` in seconds for two channels."""

    speaker: str
    text: str
    gain: float = 0.0
    speed: float = 1.0
    start: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A conversation, and the band of temperatures (both ends inclusive) that its author expects.

    `step` is 1 to 5 in a ladder of escalation and 0 elsewhere; the dialogues of a ladder share their `topic`.
    `changed` is what takes the third line's place in a monotone pair.
    """

    id: str
    lines: tuple[Line, ...]
    band: tuple[int, int] = (1, 100)
    topic: str = ""
    step: int = 0
    changed: Line | None = None

    def holds(self, temperature: int) -> bool:
        """Whether a temperature lies in the band."""
        return self.band[0] <= temperature <= self.band[1]

    def with_changed_line(self) -> tuple[Line, ...]:
        """Return the lines of a monotone pair's second half."""
        assert self.changed is not None, self.id
        return (*self.lines[:2], self.changed, *self.lines[3:])


def load(name: str) -> list[Dialogue]:
    """Return the dialogues of one of our files, such as `ladders`."""
    return load_file(TEXTS / f"{name}.jsonl")


def load_file(path: Path) -> list[Dialogue]:
    """Return the dialogues of a file.

    Files from elsewhere may have `utterances` in place of `lines`: their speakers take turns.
    """
    return [_dialogue(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]


def _dialogue(content: dict[str, Any]) -> Dialogue:
    lines = content.get("lines") or _turns(content["utterances"])
    changed = content.get("changed")
    low, high = content.get("band", (1, 100))
    return Dialogue(
        id=content["id"],
        lines=tuple(Line(**line) for line in lines),
        band=(low, high),
        topic=content.get("topic") or "",
        step=content.get("step") or 0,
        changed=None if changed is None else Line(**changed),
    )


def _turns(utterances: Sequence[str]) -> list[dict[str, Any]]:
    return [{"speaker": "ab"[number % 2], "text": text} for number, text in enumerate(utterances)]
