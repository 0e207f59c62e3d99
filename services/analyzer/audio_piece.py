"""A piece of a recording, as a transcriber takes it."""

from dataclasses import dataclass

from shared.audio.pcm import BYTES_PER_SECOND


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """A piece of one channel: its start in seconds, its samples as PCM, and where in it people speak.

    `speech` are the first and last moments of each stretch of speech, in order, in seconds from the piece's start.
    """

    start: float
    pcm: bytes
    speech: tuple[tuple[float, float], ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.pcm) / BYTES_PER_SECOND

    @property
    def speech_seconds(self) -> float:
        """Seconds in which people speak."""
        return sum(end - start for start, end in self.speech)
