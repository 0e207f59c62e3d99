"""What a transcriber is to the rest of the analyzer."""

from collections.abc import Sequence
from typing import Protocol

from services.analyzer.splitter import AudioPiece
from shared.domain.events import TranscriptLine


class Transcriber(Protocol):
    """Turns pieces of sound into lines of text."""

    @property
    def name(self) -> str:
        """Which model this is, as events name it."""

    @property
    def longest_piece_seconds(self) -> float:
        """How long a piece it takes."""

    async def transcribe(self, piece: AudioPiece) -> Sequence[TranscriptLine]:
        """Return what is said in `piece`, in order, with seconds from the *piece's* start.

        Raises Unavailable when another try may succeed, Permanent when none will.
        """
