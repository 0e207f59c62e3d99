"""Cutting a stream of samples into pieces that a speech model can take, where it hurts least."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analyzer.levels import FRAME_BYTES, FRAMES_PER_SECOND, SILENCE_DBFS, Levels, frame_levels, power
from shared.audio.pcm import BYTES_PER_SECOND

_PAUSE = 5 * FRAMES_PER_SECOND  # a silence this long is cut out: models invent text in it
_MARGIN = int(0.3 * FRAMES_PER_SECOND)  # what stays around speech, for soft onsets and endings
_SPEECH = int(0.1 * FRAMES_PER_SECOND)  # less sound than this is a click, not a word
_QUIET = int(0.3 * FRAMES_PER_SECOND)  # a gap between words; the dip inside a word is shorter
_SEARCH_FROM = 2 / 3  # of the longest piece: how far back a good place to cut is looked for


@dataclass(frozen=True, slots=True, eq=False)
class AudioPiece:
    """A stretch of a recording: where it starts in seconds, its samples' bytes, and its level frame by frame."""

    start: float
    pcm: bytes
    levels: Levels

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / BYTES_PER_SECOND

    @property
    def silent(self) -> bool:
        """Whether there is too little sound in it for anyone to have said anything."""
        return int(np.count_nonzero(self.levels >= SILENCE_DBFS)) < _SPEECH


class AudioSplitter:
    """Takes samples' bytes in any amounts and gives back pieces that, joined, are the input again.

    No piece is longer than `longest_seconds`. A long silence becomes a piece of its own; otherwise a cut falls on
    the quietest moment in the last third of the longest piece. Cuts depend on the samples alone, not on how they
    were fed. It holds at most one piece and what the last call brought.
    """

    def __init__(self, longest_seconds: float) -> None:
        self._longest = int(longest_seconds * FRAMES_PER_SECOND)
        if self._longest <= _PAUSE:
            raise ValueError("longest_seconds must be more than the pause that is cut out")
        self._start = 0
        self._pcm = bytearray()
        self._levels: Levels = np.empty(0, np.float32)

    def feed(self, pcm: bytes) -> list[AudioPiece]:
        """Return the pieces that these whole samples complete."""
        self._pcm += pcm
        measured = len(self._levels) * FRAME_BYTES
        fresh = frame_levels(bytes(self._pcm[measured:]))
        self._levels = np.concatenate((self._levels, fresh))
        pieces = []
        while (frames := _next_cut(self._levels[: self._longest], self._longest)) is not None:
            pieces.append(self._take(frames))
        return pieces

    def finish(self) -> list[AudioPiece]:
        """Return what is left once the samples are over: one piece, or none."""
        if not self._pcm:
            return []
        piece = AudioPiece(self._start / BYTES_PER_SECOND, bytes(self._pcm), self._levels)
        self._pcm.clear()
        return [piece]

    def _take(self, frames: int) -> AudioPiece:
        size = frames * FRAME_BYTES
        piece = AudioPiece(self._start / BYTES_PER_SECOND, bytes(self._pcm[:size]), self._levels[:frames].copy())
        del self._pcm[:size]
        self._levels = self._levels[frames:]
        self._start += size
        return piece


def _next_cut(levels: Levels, longest: int) -> int | None:
    """Return how many frames the next piece has, or None while that can't be known; `levels` are `longest` at most."""
    edge = _silence_boundary(levels >= SILENCE_DBFS)
    if edge is not None:
        return edge
    return _quietest(levels) if len(levels) == longest else None


def _silence_boundary(loud: NDArray[np.bool_]) -> int | None:
    """Return where a long silence ends if the frames begin with one, otherwise where the first one begins."""
    sounds = np.flatnonzero(loud)
    if sounds.size == 0:
        return None
    first = int(sounds[0])
    if first >= _PAUSE - _MARGIN:
        return first - _MARGIN
    gaps = np.diff(sounds, append=len(loud)) > _PAUSE
    return int(sounds[gaps.argmax()]) + 1 + _MARGIN if gaps.any() else None


def _quietest(levels: Levels) -> int:
    """Return the middle of the quietest stretch towards the end of `levels`, the latest of equals."""
    begin = int(len(levels) * _SEARCH_FROM)
    energy = np.convolve(power(levels[begin:]), np.ones(_QUIET), mode="valid")
    latest = len(energy) - 1 - int(energy[::-1].argmin())
    return begin + latest + _QUIET // 2
