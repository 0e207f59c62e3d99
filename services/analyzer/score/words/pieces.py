"""Prepares lines for rating: their sentences, pieces short enough to be rated one by one, and the form for patterns."""

import re
from itertools import pairwise

MOST_WORDS = 26
"""Words of a piece: the graded lines are no longer, and in a long text one threat would drown."""

_END_OF_SENTENCE = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'\N{RIGHT DOUBLE QUOTATION MARK}]))\s+")


def spoken_text(text: str) -> str:
    """Return a text in lower case with single spaces and straight apostrophes, as patterns are matched against."""
    return " ".join(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())


def sentences_of(line: str) -> list[str]:
    """Return a line's sentences in order; a line without marks is one."""
    return _END_OF_SENTENCE.split(line)


def pieces_of(line: str) -> list[str]:
    """Return a line's pieces in order, at least one: neighbouring sentences together up to MOST_WORDS words."""
    pieces: list[list[str]] = []
    for sentence in sentences_of(line):
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
