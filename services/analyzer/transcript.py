"""How much of a transcript an event carries: NATS refuses payloads over 1 MB."""

import json
from collections.abc import Iterable

from shared.events import TranscriptLine

_MEMBERS = 60  # bytes of names, numbers and punctuation around a line's text


def leading_lines(lines: Iterable[TranscriptLine], most_bytes: int) -> tuple[tuple[TranscriptLine, ...], bool]:
    """Return the lines that fit into `most_bytes` of JSON from the start, and whether any were left out."""
    kept: list[TranscriptLine] = []
    for line in lines:
        most_bytes -= len(json.dumps(line.text)) + _MEMBERS
        if most_bytes < 0:
            return tuple(kept), True
        kept.append(line)
    return tuple(kept), False
