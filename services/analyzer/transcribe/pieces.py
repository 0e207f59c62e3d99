"""Cuts the samples of one channel into pieces with speech, for a speech model; what is between them is left out."""

from collections.abc import Iterable

import numpy as np

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.transcribe.segmentation import Segment, Segmenter
from services.analyzer.transcribe.voice import CHUNK, NO_MEMORY, VoiceDetector
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES, SAMPLE_RATE

_CHUNK_BYTES = CHUNK * SAMPLE_BYTES
_BLOCK_BYTES = 320 * _CHUNK_BYTES  # 10.24 s go to the detector at once, always from the first sound on
_AUDIBLE = 8  # of 32768: what is softer before the first sound is silence
_BEHIND = bytes(8 * _CHUNK_BYTES)  # silence that is always behind the last sound: a quarter of a second


class PieceCutter:
    """Cuts PCM, fed in any amounts, into pieces that begin and end in pauses, in order and without overlap.

    A pause of `pause` seconds ends a piece, and no piece is longer than `longest` seconds. Pieces depend on the samples
    alone, not on how they were fed, nor on how much silence is around them: what is before the first sound is left out,
    and behind the last there is always a moment of it. In memory are at most the longest piece and one block of 10 s.
    """

    def __init__(self, detector: VoiceDetector, *, longest: float, pause: float) -> None:
        self._detector = detector
        self._memory = NO_MEMORY
        self._segmenter = Segmenter(longest=longest, pause=pause)
        self._pcm = bytearray()
        self._silence: int | None = 0  # bytes before the first sound so far; None once it was heard
        self._origin = 0  # the byte of the recording at which what follows begins to count
        self._start = 0  # the byte that `_pcm` begins with
        self._detected = 0  # bytes that the detector has had

    async def feed(self, pcm: bytes) -> list[AudioPiece]:
        """Add whole samples and return the pieces that they complete; raises what the detector raises."""
        self._pcm += pcm if self._silence is None else self._from_first_sound(pcm, self._silence)
        pieces: list[AudioPiece] = []
        while (block := self._waiting(_BLOCK_BYTES)) is not None:
            pieces += await self._detect(block)
        return pieces

    async def finish(self) -> list[AudioPiece]:
        """Return the pieces at the end of the samples."""
        if self._silence is None:
            self._pcm += _BEHIND
        rest = self._waiting(0) or b""
        padded = rest + bytes(-len(rest) % _CHUNK_BYTES)
        pieces = await self._detect(padded) if padded else []
        return pieces + self._pieces(self._segmenter.finish())

    def _from_first_sound(self, pcm: bytes, silence: int) -> bytes:
        """Return the samples from the first sound on, or nothing before there is one."""
        audible = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) >= _AUDIBLE)
        self._silence = None if len(audible) else silence + len(pcm)
        if not len(audible):
            return b""
        quiet = int(audible[0]) * SAMPLE_BYTES
        self._origin = silence + quiet
        return pcm[quiet:]

    def _waiting(self, size: int) -> bytes | None:
        """Return `size` bytes that the detector has not had, all of them for 0; None while there are fewer."""
        begin = self._detected - self._start
        end = begin + size if size else len(self._pcm)
        return bytes(self._pcm[begin:end]) if end <= len(self._pcm) else None

    async def _detect(self, block: bytes) -> list[AudioPiece]:
        probabilities, self._memory = await self._detector.detect(block, self._memory)
        self._detected += len(block)
        pieces = self._pieces(self._segmenter.feed(probabilities.tolist()))
        unneeded = self._segmenter.needed_from * _CHUNK_BYTES - self._start
        del self._pcm[:unneeded]
        self._start += unneeded
        return pieces

    def _pieces(self, segments: Iterable[Segment]) -> list[AudioPiece]:
        return [self._piece(segment) for segment in segments]

    def _piece(self, segment: Segment) -> AudioPiece:
        begin, end = (position * _CHUNK_BYTES - self._start for position in (segment.start, segment.end))
        return AudioPiece(
            start=segment.start * CHUNK / SAMPLE_RATE + self._origin / BYTES_PER_SECOND,
            pcm=bytes(self._pcm[begin:end]),
            speech=tuple(
                ((start - segment.start) * CHUNK / SAMPLE_RATE, (stop - segment.start) * CHUNK / SAMPLE_RATE)
                for start, stop in segment.speech
            ),
        )
