"""Finds the lines of one channel that are only the echo of another: heard softer, a little later, in the same words."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.sound.line_voice import frames_of
from services.analyzer.score.sound.protocol import FRAMES_PER_SECOND, ChannelSound, SoundFrames
from shared.domain.analysis import TranscriptLine

_LATEST = round(0.5 * FRAMES_PER_SECOND)  # an echo over a satellite takes as long
_EARLIEST = round(0.1 * FRAMES_PER_SECOND)  # the channels of a recorder may be that far apart
_SLACK = 0.8  # seconds by which a recogniser's times differ for the same words
_SAME_WORDS = 0.6  # of the echo's words; the rest is heard wrongly
_SAME_ENVELOPE = 0.7
_SOFTER = 6.0  # dB
_LEAST_PITCH = FRAMES_PER_SECOND // 5
_PITCH_APART = 1.0  # semitones: two voices that say the same at once are further apart
_RANGE = 35.0  # dB of an envelope that are compared


def echo_lines(lines: Sequence[TranscriptLine], channels: Sequence[ChannelSound]) -> frozenset[int]:
    """Return the numbers of the lines that only echo a line of another channel.

    An echo has 60 % of its words in common with what the other channel says at the same time (0.8 s earlier or
    later), is 6 dB softer, and its level and pitch follow the other's with a delay of up to 0.5 s. With
    one channel there is no echo.
    """
    frames = {channel.name: channel.frames for channel in channels}
    if len(frames) == 1:
        return frozenset()
    return frozenset(number for number, line in enumerate(lines) if _is_echo(line, lines, frames))


def _is_echo(line: TranscriptLine, lines: Sequence[TranscriptLine], frames: dict[str | None, SoundFrames]) -> bool:
    own = frames.get(line.channel)
    if own is None:
        return False
    for name, sound in frames.items():
        if name == line.channel:
            continue
        meanwhile = [
            word
            for other in lines
            if other.channel == name and other.start < line.end + _SLACK and other.end > line.start - _SLACK
            for word in _words(other.text)
        ]
        if _contained(_words(line.text), meanwhile) >= _SAME_WORDS and _sounds_as_echo(line, own, sound):
            return True
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold().replace("'", "").replace("\u2019", ""))


def _contained(words: Sequence[str], others: Sequence[str]) -> float:
    """Return the share of words that stand among the others in the same order."""
    blocks = SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / max(len(words), 1)


def _sounds_as_echo(line: TranscriptLine, own: SoundFrames, other: SoundFrames) -> bool:
    span = frames_of(line)
    echo = own.levels[span]
    if not len(echo):
        return False
    best, source = 0.0, span
    for delay in range(-_EARLIEST, _LATEST + 1):
        earlier = slice(max(span.start - delay, 0), max(span.start - delay + len(echo), 0))
        heard = other.levels[earlier]
        if len(heard) == len(echo) and (alike := _correlation(echo, heard)) > best:
            best, source = alike, earlier
    softer = _level(other.levels[source]) - _level(echo) if best >= _SAME_ENVELOPE else 0.0
    return softer >= _SOFTER and _same_pitch(own.pitch[span], other.pitch[source])


def _same_pitch(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two voices move alike; true where too little of them has a pitch."""
    apart = np.abs(one - other)
    known = apart[~np.isnan(apart)]
    return len(known) < _LEAST_PITCH or bool(np.median(known) <= _PITCH_APART)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    first, second = (np.maximum(levels, levels.max() - _RANGE) for levels in (one, other))
    first, second = first - first.mean(), second - second.mean()
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size > 0 else 0.0


def _level(levels: NDArray[np.float32]) -> float:
    return float(np.quantile(levels, 0.8))
