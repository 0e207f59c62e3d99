"""The interface of a transcriber: a piece of audio in, transcript lines out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.analyzer.audio_piece import AudioPiece
from shared.domain.analysis import TranscriptLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a transcriber understood of one piece.

    `lines` are in order, with seconds from the *piece's* start. `confidences` has for each of them how sure the model
    is, from 0 to 1, or is empty where it does not tell. `log_probabilities` are those of all tokens that the model
    came up with but loops, also of lines that were then left out; `edge_words` says how many of them are of the first
    word, and how many of the last. `language` is what the model found (BCP 47), or None.
    `engine` is the model's name if it is another one than the transcriber's own; `notes` are reason codes that say why.
    """

    lines: tuple[TranscriptLine, ...] = ()
    confidences: tuple[float, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    edge_words: tuple[int, int] = (0, 0)
    language: str | None = None
    engine: str | None = None
    notes: tuple[str, ...] = ()


class Transcriber(Protocol):
    """Turns pieces of audio into transcript lines."""

    @property
    def name(self) -> str:
        """The model's name, as it stands in events."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages (BCP 47) that the model knows; empty if it tells the language of what it heard."""

    @property
    def longest_piece_seconds(self) -> float:
        """Length in seconds of the longest piece that it takes."""

    @property
    def pause_seconds(self) -> float:
        """Length in seconds of a pause that ends a piece."""

    async def transcribe(self, piece: AudioPiece) -> Heard:
        """Return what is said in `piece`.

        Raises Unavailable when another try may succeed, Permanent when none will.
        """
