"""Parts the words of a piece into sentences, each with the time at which it was said."""

from collections.abc import Sequence
from dataclasses import dataclass

_ENDS = (".", "?", "!", "…")
_LEAST_WORDS = 3  # a shorter sentence stays with its neighbour
_SNAP = 0.5  # seconds: a sentence's end that is estimated this near to a gap lies in the gap


@dataclass(frozen=True, slots=True)
class Word:
    """A word with the logarithms of its tokens' probabilities."""

    text: str
    log_probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words that belong together, from `start` to `end` in seconds; `begins` if a sentence ends before them."""

    words: tuple[Word, ...]
    start: float
    end: float
    begins: bool = False


def sentences(words: Sequence[Word], speech: Sequence[tuple[float, float]]) -> list[Sentence]:
    """Return the sentences of `words`, which were said in the stretches `speech`, of which there is at least one.

    The model tells no times. A sentence gets the share of the speech that it has of the letters, and where that comes
    near a gap in the speech, it ends there. Sentences never overlap.
    """
    groups = _grouped(words)
    if not groups:
        return []
    letters = [sum(len(word.text) + 1 for word in group) for group in groups]
    total = sum(letters)
    spoken = sum(end - start for start, end in speech)
    found: list[Sentence] = []
    start, done = speech[0][0], 0
    for group, size in zip(groups, letters, strict=True):
        done += size
        end, next_start = _moment(spoken * done / total, speech) if done < total else (speech[-1][1], speech[-1][1])
        end = max(end, start)
        found.append(Sentence(tuple(group), start, end, begins=bool(found)))
        start = max(next_start, end)
    return found


def _grouped(words: Sequence[Word]) -> list[list[Word]]:
    groups: list[list[Word]] = [[]]
    for word in words:
        groups[-1].append(word)
        if word.text.endswith(_ENDS) and len(groups[-1]) >= _LEAST_WORDS:
            groups.append([])
    if len(groups) > 1 and len(groups[-1]) < _LEAST_WORDS:
        groups[-2:] = [groups[-2] + groups[-1]]
    return [group for group in groups if group]


def _moment(position: float, speech: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return where speech stops and goes on again after `position` seconds of speech."""
    passed = 0.0
    for number, (start, end) in enumerate(speech):
        length = end - start
        if number + 1 < len(speech) and abs(passed + length - position) <= _SNAP:
            return end, speech[number + 1][0]
        if position <= passed + length:
            moment = start + position - passed
            return moment, moment
        passed += length
    return speech[-1][1], speech[-1][1]
