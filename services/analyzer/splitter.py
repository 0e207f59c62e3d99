"""Splits PCM into pieces of bounded length at pauses, as speech models need them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analyzer.levels import FRAME_BYTES, FRAMES_PER_SECOND, SILENCE_DBFS, Levels, frame_levels, power
from shared.audio.pcm import BYTES_PER_SECOND

_PAUSE = 5 * FRAMES_PER_SECOND  # a silence this long becomes a piece of its own: models invent text in it
_MARGIN = int(0.3 * FRAMES_PER_SECOND)  # what stays around speech, for soft onsets and endings
_SPEECH = int(0.1 * FRAMES_PER_SECOND)  # less sound than this is a click, not a word
_QUIET = int(0.3 * FRAMES_PER_SECOND)  # a gap between words; the dip inside a word is shorter
_SEARCH_FROM = 2 / 3  # of the longest piece: the quietest moment is searched behind this point


@dataclass(frozen=True, slots=True, eq=False)
class AudioPiece:
    """A piece of a recording: its start in seconds, its samples as PCM, and one level for every 20 ms."""

    start: float
    pcm: bytes
    levels: Levels

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.pcm) / BYTES_PER_SECOND

    @property
    def silent(self) -> bool:
        """Whether less than 0.1 s of it is louder than silence: too little for a word."""
        return int(np.count_nonzero(self.levels >= SILENCE_DBFS)) < _SPEECH


class AudioSplitter:
    """Splits PCM, fed in any amounts, into pieces that, joined, are the input again.

    No piece is longer than `longest_seconds`. A silence of about 5 s or more becomes a piece of its own; otherwise a
    cut falls on the quietest moment in the last third of the longest piece. Cuts depend on the samples alone, not on
    how they were fed. In memory are at most one piece and the bytes of the last call.
    """

    def __init__(self, longest_seconds: float) -> None:
        self._longest = int(longest_seconds * FRAMES_PER_SECOND)
        if self._longest <= _PAUSE:
            raise ValueError("longest_seconds must be more than the pause that is cut out")
        self._start = 0
        self._pcm = bytearray()
        self._levels: Levels = np.empty(0, np.float32)

    def feed(self, pcm: bytes) -> list[AudioPiece]:
        """Add whole samples and return the pieces that they complete, in order."""
        self._pcm += pcm
        measured = len(self._levels) * FRAME_BYTES
        added = frame_levels(bytes(self._pcm[measured:]))
        self._levels = np.concatenate((self._levels, added))
        pieces = []
        while (frames := _next_cut(self._levels[: self._longest], self._longest)) is not None:
            pieces.append(self._take(frames))
        return pieces

    def finish(self) -> list[AudioPiece]:
        """Return the rest at the end of the samples: one piece, or none."""
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
    """Return how many frames the next piece has, or None while that depends on samples still to come.

    `levels` has at most `longest` frames.
    """
    boundary = _silence_boundary(levels >= SILENCE_DBFS)
    if boundary is not None:
        return boundary
    return _quietest(levels) if len(levels) == longest else None


def _silence_boundary(loud: NDArray[np.bool_]) -> int | None:
    """Return the end of the long silence that the frames begin with, otherwise the start of the first long silence."""
    loud_frames = np.flatnonzero(loud)
    if loud_frames.size == 0:
        return None
    first = int(loud_frames[0])
    if first >= _PAUSE - _MARGIN:
        return first - _MARGIN
    gaps = np.diff(loud_frames, append=len(loud)) > _PAUSE
    return int(loud_frames[gaps.argmax()]) + 1 + _MARGIN if gaps.any() else None


def _quietest(levels: Levels) -> int:
    """Return the middle of the quietest 0.3 s in the last third of `levels`, the latest of equals."""
    begin = int(len(levels) * _SEARCH_FROM)
    energy = np.convolve(power(levels[begin:]), np.ones(_QUIET), mode="valid")
    latest = len(energy) - 1 - int(energy[::-1].argmin())
    return begin + latest + _QUIET // 2
