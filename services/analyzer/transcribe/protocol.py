"""The interface of a transcriber: a piece of audio in, transcript lines out."""

from collections.abc import Sequence
from typing import Protocol

from services.analyzer.splitter import AudioPiece
from shared.domain.analysis import TranscriptLine


class Transcriber(Protocol):
    """Turns pieces of audio into transcript lines."""

    @property
    def name(self) -> str:
        """The model's name, as it stands in events."""

    @property
    def longest_piece_seconds(self) -> float:
        """Length in seconds of the longest piece that it takes."""

    async def transcribe(self, piece: AudioPiece) -> Sequence[TranscriptLine]:
        """Return the lines of `piece` in order, with seconds from the *piece's* start.

        Raises Unavailable when another try may succeed, Permanent when none will.
        """
