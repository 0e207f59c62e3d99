"""Takes back what a speech model says again and again though it was said once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_LONGEST_PHRASE = 16  # words
_LEAST_WORDS, _FEWEST_DIFFERENT = 16, 0.35  # people have 0.6 of their words different in so few
_WORD_TIMES, _PHRASE_TIMES = 4, 3  # "no, no, no, no" and "go away, go away, go away" are said


def is_loop(words: Sequence[str]) -> bool:
    """Whether the words of a piece of some seconds are a few, said again and again in changing order."""
    return len(words) >= _LEAST_WORDS and len({_bare(word) for word in words}) < _FEWEST_DIFFERENT * len(words)


def without_loops(words: Sequence[T], key: Callable[[T], str]) -> list[T]:
    """Return the words, of each phrase that comes too often in a row the first one alone.

    Words are the same if their keys are, case and punctuation apart.
    """
    kept = list(words)
    for size in range(1, _LONGEST_PHRASE + 1):
        most = _WORD_TIMES if size == 1 else _PHRASE_TIMES
        kept = _without_phrases(kept, [_bare(key(word)) for word in kept], size, most)
    return kept


def _without_phrases(words: list[T], bare: list[str], size: int, most: int) -> list[T]:
    kept: list[T] = []
    at = 0
    while at < len(words):
        times = _times(bare, at, size)
        if times <= most:
            kept.append(words[at])
            at += 1
            continue
        kept += words[at : at + size]
        phrase, at = bare[at : at + size], at + size * times
        if bare[at:] == phrase[: len(bare) - at]:  # the model was stopped inside the phrase
            return kept
    return kept


def _times(bare: list[str], at: int, size: int) -> int:
    """Return how often the phrase of `size` words at `at` comes in a row."""
    phrase = bare[at : at + size]
    times = 1
    while len(phrase) == size and bare[at + size * times : at + size * (times + 1)] == phrase:
        times += 1
    return times


def _bare(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
