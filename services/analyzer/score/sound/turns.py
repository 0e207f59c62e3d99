"""Finds who speaks when on the channels of a recording: talk, overlap, monologues, and who took the word.

From each channel's sound, since a line's times hold pauses and miss beginnings. Where all speak on one channel, who
spoke over whom is unknown: there are no sides then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.sound.line_voice import clearly_voiced, frames_of, noise_level
from services.analyzer.score.sound.protocol import FRAMES_PER_SECOND, SILENCE_LEVEL, ChannelSound
from shared.domain.analysis import TranscriptLine

_ABOVE_NOISE = 8.0  # dB
_BELOW_USUAL = 20.0  # dB under a channel's usual voice: crosstalk and echo lie further down
_PAUSE = round(0.4 * FRAMES_PER_SECOND)  # shorter ones belong to the talk
_LEAST_TALK = round(0.12 * FRAMES_PER_SECOND)
_AROUND_LINE = round(0.3 * FRAMES_PER_SECOND)  # a recogniser's times are off by as much

_TAKES_THE_WORD = FRAMES_PER_SECOND  # "mm-hm" and "yes, yes" are shorter than a second
_HAD_THE_WORD = round(0.4 * FRAMES_PER_SECOND)
_OVER = round(0.25 * FRAMES_PER_SECOND)  # turns often touch by less, and nobody minds
_GOES_ON = round(0.3 * FRAMES_PER_SECOND)
_BREATH = 2 * FRAMES_PER_SECOND  # a longer pause ends a monologue

Run = tuple[int, int]
"""The first frame of a stretch of talk, and the first behind it."""


@dataclass(frozen=True, slots=True)
class Side:
    """How one channel took part; `overlap_seconds` is the same for both of two, `talk_share` is of all talk."""

    name: str
    talk_seconds: float
    talk_share: float
    overlap_seconds: float
    interruptions: int
    longest_monologue_seconds: float


@dataclass(frozen=True, slots=True)
class Turns:
    """Who spoke when: one side for each channel, none where there is one channel only.

    `interrupting` has the numbers of the lines that took the word while another side was speaking.
    """

    sides: tuple[Side, ...]
    interrupting: frozenset[int]
    silence_seconds: float


def turns(lines: Sequence[TranscriptLine], channels: Sequence[ChannelSound], seconds: float) -> Turns:
    """Return who spoke when in a recording of so many seconds."""
    runs = [_runs(_talk(lines, channel)) for channel in channels]
    length = max((len(channel.frames.levels) for channel in channels), default=0)
    talks = np.array([_mask(of, length) for of in runs]).reshape(len(channels), length)
    silence = max(seconds - float(np.count_nonzero(talks.any(axis=0))) / FRAMES_PER_SECOND, 0.0)
    if len(channels) < 2:  # noqa: PLR2004 (a conversation has two sides)
        return Turns((), frozenset(), round(silence, 2))
    took = [_interruptions(runs, number) for number in range(len(channels))]
    interrupting = frozenset(
        line
        for channel, begun in zip(channels, took, strict=True)
        for begin in begun
        if (line := _line_at(lines, channel.name, begin)) is not None
    )
    sides = tuple(
        _side(str(channel.name), number, talks, runs, len(took[number])) for number, channel in enumerate(channels)
    )
    return Turns(sides, interrupting, round(silence, 2))


def _talk(lines: Sequence[TranscriptLine], channel: ChannelSound) -> NDArray[np.bool_]:
    """Return in which frames a channel's own voice is heard, short pauses included."""
    levels = channel.frames.levels
    said = np.zeros(len(levels), np.bool_)
    for line in lines:
        if line.channel == channel.name:
            span = frames_of(line)
            said[max(span.start - _AROUND_LINE, 0) : span.stop + _AROUND_LINE] = True
    noise = noise_level(channel.frames)
    voiced = said & clearly_voiced(channel.frames, noise)
    if not voiced.any():
        return said & False
    usual = float(np.median(levels[voiced]))
    heard = levels >= max(min(noise + _ABOVE_NOISE, usual - _ABOVE_NOISE), usual - _BELOW_USUAL, SILENCE_LEVEL)
    talk = np.zeros(len(levels), np.bool_)
    for begin, end in _runs(_without_gaps(heard & said)):
        talk[begin:end] = end - begin >= _LEAST_TALK and bool(voiced[begin:end].any())
    return talk


def _without_gaps(talk: NDArray[np.bool_]) -> NDArray[np.bool_]:
    filled = talk.copy()
    runs = _runs(talk)
    for (_, end), (begin, _) in pairwise(runs):
        if begin - end <= _PAUSE:
            filled[end:begin] = True
    return filled


def _runs(mask: NDArray[np.bool_]) -> list[Run]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _mask(runs: Sequence[Run], length: int) -> NDArray[np.bool_]:
    mask = np.zeros(length, np.bool_)
    for begin, end in runs:
        mask[begin:end] = True
    return mask


def _interruptions(runs: Sequence[Sequence[Run]], number: int) -> list[int]:
    """Return the first frames of a side's talk that began while another spoke, went on, and made the other stop."""
    others = [run for other, of in enumerate(runs) if other != number for run in of]
    return [
        begin
        for begin, end in runs[number]
        if end - begin >= _TAKES_THE_WORD
        and any(
            first + _HAD_THE_WORD <= begin and begin + _OVER <= last and last + _GOES_ON <= end
            for first, last in others
        )
    ]


def _line_at(lines: Sequence[TranscriptLine], channel: str | None, begin: int) -> int | None:
    """Return the number of the channel's line that begins nearest to a frame, None where it has no lines."""
    moment = begin / FRAMES_PER_SECOND
    own = [at for at, line in enumerate(lines) if line.channel == channel and line.end > moment]
    return min(own, key=lambda at: abs(lines[at].start - moment), default=None)


def _side(name: str, number: int, talks: NDArray[np.bool_], runs: Sequence[Sequence[Run]], interruptions: int) -> Side:
    own = talks[number]
    others = np.delete(talks, number, axis=0).any(axis=0)
    return Side(
        name=name,
        talk_seconds=_seconds(np.count_nonzero(own)),
        talk_share=round(int(np.count_nonzero(own)) / max(int(np.count_nonzero(talks)), 1), 3),
        overlap_seconds=_seconds(np.count_nonzero(own & others)),
        interruptions=interruptions,
        longest_monologue_seconds=_seconds(_longest_monologue(runs, number)),
    )


def _longest_monologue(runs: Sequence[Sequence[Run]], number: int) -> int:
    """Return the frames of the longest talk without a long pause and without another side's turn."""
    turns_of_others = [
        run for other, of in enumerate(runs) if other != number for run in of if run[1] - run[0] >= _TAKES_THE_WORD
    ]
    longest, since, until = 0, 0, None
    for begin, end in runs[number]:
        answered = until is not None and any(first < begin and last > until for first, last in turns_of_others)
        if until is None or begin - until > _BREATH or answered:
            since = begin
        until = end
        longest = max(longest, end - since)
    return longest


def _seconds(frames: int | np.integer) -> float:
    return round(int(frames) / FRAMES_PER_SECOND, 2)
