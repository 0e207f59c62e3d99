"""Finds where people speak, and where a recording may be cut into pieces, from the probabilities of speech.

All positions are in chunks of 32 ms. It decides by the probabilities alone, in one pass and with a bounded memory, so
the same sound is cut the same way however it arrives.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CHUNKS_PER_SECOND = 31.25

_BEGINS, _GOES_ON = 0.5, 0.35  # probabilities at which speech begins, and down to which it lasts (Silero's own)
_GAP = 4  # chunks without speech, 0.13 s, that part two stretches of it: the closure of a "p" is shorter
_SHORTEST = 3  # chunks of speech: 0.1 s is a click, "no" takes 0.15 s
_MARGIN = 7  # chunks around speech that belong to its piece, 0.22 s: soft onsets and endings
_SEARCH_FROM = 1 / 3  # of the longest piece: a gap before that would leave too short a piece
_SMOOTH = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece's first chunk, the chunk behind its last, and the stretches of speech in it."""

    start: int
    end: int
    speech: tuple[tuple[int, int], ...]


class Segmenter:
    """Cuts a stream of probabilities at pauses, and where there is none in time, at the best moment that there was.

    A gap of `pause` seconds ends a piece; no piece is longer than `longest` seconds.
    """

    def __init__(self, *, longest: float, pause: float) -> None:
        self._longest = int(longest * CHUNKS_PER_SECOND)
        self._pause = max(int(pause * CHUNKS_PER_SECOND), _GAP)
        self._at = 0
        self._free = 0  # the first chunk that no piece has
        self._spans: list[tuple[int, int]] = []
        self._begun: int | None = None
        self._last = 0  # the last chunk that may be speech
        self._sure = 0  # chunks of the stretch that are speech
        self._recent: list[float] = []  # probabilities from `_recent_from` on
        self._recent_from = 0

    @property
    def needed_from(self) -> int:
        """The first chunk that a piece to come may begin with."""
        first = self._spans[0][0] if self._spans else self._at if self._begun is None else self._begun
        return max(self._free, first - _MARGIN)

    def feed(self, probabilities: Sequence[float]) -> Iterator[Segment]:
        """Yield the segments that the probabilities complete, in order."""
        for probability in probabilities:
            self._recent.append(probability)
            self._step(probability)
            self._at += 1
            if (segment := self._complete()) is not None:
                yield segment
            self._forget()

    def finish(self) -> Iterator[Segment]:
        """Yield what is left at the end of the recording."""
        self._close()
        if self._spans:
            yield self._take(len(self._spans), self._at)

    def _step(self, probability: float) -> None:
        if self._begun is None:
            if probability >= _BEGINS:
                self._begun, self._last, self._sure = self._at, self._at, 1
        elif probability >= _GOES_ON:
            self._last = self._at
            self._sure += probability >= _BEGINS
        elif self._at - self._last >= _GAP:
            self._close()

    def _close(self) -> None:
        """End the stretch of speech."""
        if self._begun is not None and self._sure >= _SHORTEST:
            self._spans.append((self._begun, self._last + 1))
        self._begun = None

    def _complete(self) -> Segment | None:
        if self._spans and self._begun is None and self._at - self._spans[-1][1] >= self._pause:
            return self._take(len(self._spans), self._at)
        return self._cut() if self._at - self.needed_from >= self._longest else None

    def _cut(self) -> Segment:
        """Cut a piece that is as long as it may be: in its longest gap, or else at its least likely speech."""
        earliest = self.needed_from + int(self._longest * _SEARCH_FROM)
        starts = [start for start, _ in self._spans] + ([] if self._begun is None else [self._begun])
        ends = [end for _, end in self._spans]
        gaps = [
            (starts[count] - ends[count - 1], count) for count in range(1, len(starts)) if ends[count - 1] >= earliest
        ]
        if gaps:
            length, count = max(gaps)
            return self._take(count, ends[count - 1] + length // 2)
        if self._begun is None:
            return self._take(len(self._spans), self._at)
        return self._cut_inside(max(earliest, self._begun + 1))

    def _cut_inside(self, earliest: int) -> Segment:
        """Cut the stretch that goes on, behind `earliest`, where its probability is least; the later of equals."""
        assert self._begun is not None  # noqa: S101  # by the caller
        recent = self._recent[earliest - self._recent_from :]
        sums = [sum(recent[at : at + _SMOOTH]) for at in range(len(recent) - _SMOOTH + 1)]
        cut = earliest + min(range(len(sums)), key=lambda at: (sums[at], -at)) + _SMOOTH // 2
        self._spans.append((self._begun, min(cut, self._last + 1)))
        self._begun = cut if self._last >= cut else None  # else the stretch was over, and only its gap not long enough
        return self._take(len(self._spans), cut)

    def _take(self, count: int, latest: int) -> Segment:
        """Return a segment of the first `count` stretches that ends at `latest` or before."""
        speech = tuple(self._spans[:count])
        start = max(self._free, speech[0][0] - _MARGIN)
        end = min(speech[-1][1] + _MARGIN, latest)
        del self._spans[:count]
        self._free = end
        return Segment(start, end, speech)

    def _forget(self) -> None:
        surplus = self.needed_from - self._recent_from
        if surplus > 0:
            del self._recent[:surplus]
            self._recent_from += surplus
