"""Combines words and loudness into one temperature: the heat of each line, and the weights of the lines.

Words say whether an aroused voice is angry or glad, and on real calls they say more than the voice
(arXiv:2310.04481); so loudness by itself never makes a conversation hot. None of the numbers here is calibrated
on rated recordings: what holds is order, more hostile or louder is never colder.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORDS_HEAT = 0.80
_VOICE_HEAT = 0.25  # without hostile words: joy is loud too
_CHEER_DAMPS = 0.5  # of a loud voice's heat, at a cheerfulness of 1
_LOUD_FROM, _LOUD_TO = 8.0, 16.0  # dB above what is usual in the recording; calm reading reaches 7
_MENTIONED = 0.2

_PART = 0.2  # of all words: the share that is the hottest part, and the last part
_LONGEST_PART = 60  # words, half a minute: in a long call a quarrel must not drown
_MEAN_WEIGHT, _HOTTEST_WEIGHT, _LAST_WEIGHT = 0.3, 0.5, 0.2

_USUAL_PACE = 2.2  # words a second of speech
_ENOUGH_SPEECH = 20.0  # seconds of speech that give two thirds of the highest confidence
_MOST_CONFIDENCE = 0.8  # a lexicon and a level meter know no more


@dataclass(frozen=True, slots=True)
class LineFeatures:
    """One line as numbers: how many words, their hostility and cheerfulness (0 to 1), the rise of its voice in dB."""

    words: int
    hostility: float
    cheerfulness: float
    rise: float


def line_heat(line: LineFeatures) -> float:
    """Return the heat of a line from 0 to 1."""
    voice = _loudness(line) * (1 - _CHEER_DAMPS * line.cheerfulness)
    left = 1 - _WORDS_HEAT * line.hostility  # so that the most hostile and loudest line is 1
    return _WORDS_HEAT * line.hostility + voice * min(_VOICE_HEAT, left)


def is_loud(line: LineFeatures) -> bool:
    """Whether a line's voice is raised enough for the reason code `raised_voice`."""
    return _loudness(line) >= _MENTIONED


def _loudness(line: LineFeatures) -> float:
    return min(max((line.rise - _LOUD_FROM) / (_LOUD_TO - _LOUD_FROM), 0.0), 1.0)


def temperature(lines: Sequence[LineFeatures]) -> int:
    """Return 1 to 100 for a conversation of at least one line.

    A mix of all words, the hottest part of them and the last part: a quarrel in a calm hour counts, and so does how
    it ended.
    """
    heats = np.array([line_heat(line) for line in lines])
    words = np.array([max(line.words, 1) for line in lines], np.float64)
    hottest = np.argsort(-heats, kind="stable")
    last = np.arange(len(lines))[::-1]
    heat = (
        _MEAN_WEIGHT * float(np.average(heats, weights=words))
        + _HOTTEST_WEIGHT * _mean_of_first(heats[hottest], words[hottest])
        + _LAST_WEIGHT * _mean_of_first(heats[last], words[last])
    )
    return round(1 + 99 * min(heat, 1.0))


def confidence(lines: Sequence[LineFeatures], speech_seconds: float) -> float:
    """Return the confidence from 0 to 1; it grows with the seconds of speech, and falls if they hold too few words."""
    words = sum(line.words for line in lines)
    if not words or speech_seconds <= 0:
        return 0.0
    coverage = min(1.0, words / (speech_seconds * _USUAL_PACE / 2))
    return round(_MOST_CONFIDENCE * (1 - math.exp(-speech_seconds / _ENOUGH_SPEECH)) * coverage, 2)


def _mean_of_first(heats: NDArray[np.float64], words: NDArray[np.float64]) -> float:
    """Return the mean heat of the first part of all words; the line on the part's border counts in part."""
    wanted = min(words.sum() * _PART, _LONGEST_PART)
    counted = np.clip(wanted - (np.cumsum(words) - words), 0, words)
    return float((heats * counted).sum() / wanted)
