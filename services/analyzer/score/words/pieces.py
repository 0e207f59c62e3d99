"""Cuts lines into pieces short enough to be rated one by one, along their sentences where they have marks."""

import re
from itertools import pairwise

MOST_WORDS = 26
"""Words of a piece: the graded lines are no longer, and in a long text one threat would drown."""

_END_OF_SENTENCE = re.compile(r"(?<=[.!?…])[\"'\N{RIGHT DOUBLE QUOTATION MARK}]?\s+")


def pieces_of(line: str) -> list[str]:
    """Return a line's pieces in order, at least one: neighbouring sentences together up to MOST_WORDS words."""
    pieces: list[list[str]] = []
    for sentence in _END_OF_SENTENCE.split(line):
        words = sentence.split()
        if pieces and len(pieces[-1]) + len(words) <= MOST_WORDS:
            pieces[-1] += words
        else:
            pieces += _in_equal_parts(words)
    return [" ".join(words) for words in pieces] or [""]


def _in_equal_parts(words: list[str]) -> list[list[str]]:
    count = -(-len(words) // MOST_WORDS)
    bounds = [len(words) * part // count for part in range(count + 1)] if count else []
    return [words[start:end] for start, end in pairwise(bounds)]
