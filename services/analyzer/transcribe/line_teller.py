"""Tells a listener the lines of a recording on its way, as soon as it is plain that they were understood."""

import math
from collections.abc import Awaitable, Callable, Collection, Sequence

from services.analyzer.transcribe.understanding import HeardPiece, says_enough, understanding
from shared.domain.analysis import TranscriptLine

OnLine = Callable[[TranscriptLine], Awaitable[None]]
"""Is told of each line once it is understood; the lines of two channels may come out of order."""


class LineTeller:
    """Holds the lines of one channel back until the speech so far is in a language that the model knows.

    A model of one language turns any other into fluent words that nobody said: those must never reach a listener.
    """

    def __init__(self, on_line: OnLine | None) -> None:
        self._on_line = on_line
        self._waiting: list[TranscriptLine] = []

    def add(self, line: TranscriptLine) -> None:
        """Take a line of the piece at work."""
        if self._on_line is not None:
            self._waiting.append(line)

    async def tell(self, pieces: Sequence[HeardPiece]) -> None:
        """Tell the lines that wait if the channel's pieces so far say enough, and are understood."""
        if self._waiting and says_enough(pieces):
            await self.tell_so_far(pieces)

    async def tell_so_far(self, pieces: Sequence[HeardPiece]) -> None:
        """Tell the lines that wait unless they are in doubt; also for samples that broke off, after the last piece."""
        if not understanding(pieces, math.inf).in_doubt:
            await self._tell(self._waiting)

    async def finish(self, understood: Collection[TranscriptLine]) -> None:
        """Tell those of the lines that wait that are in the finished transcript."""
        await self._tell([line for line in self._waiting if line in understood])

    async def _tell(self, lines: Sequence[TranscriptLine]) -> None:
        self._waiting = []
        for line in lines:
            if self._on_line is not None:
                await self._on_line(line)
