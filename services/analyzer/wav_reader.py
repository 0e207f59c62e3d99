"""Reads the assembler's WAV as a stream: a 44-byte header, then mono 16 kHz 16-bit little-endian samples."""

from collections.abc import AsyncGenerator, AsyncIterator

from shared.audio.pcm import SAMPLE_BYTES
from shared.audio.wav import FORMAT, HEADER, HEADER_BYTES
from shared.domain.errors import BadMedia


class WavReader:
    """Parses a WAV fed in pieces of any size and returns its samples as PCM; keeps only the header in memory.

    Any other form of WAV, and any disagreement between the header and the bytes behind it, is BadMedia.
    """

    def __init__(self) -> None:
        self._header = b""
        self._left: int | None = None
        self._odd = b""

    def feed(self, piece: bytes) -> bytes:
        """Return the whole samples that `piece` completes; raises BadMedia for a wrong header or too many bytes."""
        if self._left is None:
            missing = HEADER_BYTES - len(self._header)
            self._header += piece[:missing]
            piece = piece[missing:]
            if len(self._header) < HEADER_BYTES:
                return b""
            self._left = _data_size(self._header)
        if len(piece) > self._left:
            raise BadMedia("The WAV holds more bytes than its header says.", code="wav_malformed")
        self._left -= len(piece)
        samples = self._odd + piece if self._odd else piece
        whole = len(samples) - len(samples) % SAMPLE_BYTES
        self._odd = samples[whole:]
        return samples[:whole]

    def finish(self) -> None:
        """End the WAV; raises BadMedia when its header announces more bytes."""
        if self._left != 0:
            raise BadMedia("The WAV ends before its header says it does.", code="wav_malformed")


async def samples_of(wav: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the samples of the assembler's WAV as it streams in; raises BadMedia for any other form."""
    reader = WavReader()
    async for piece in wav:
        yield reader.feed(piece)
    reader.finish()


def _data_size(header: bytes) -> int:
    """Return how many bytes of samples follow the header; raises BadMedia unless it is the assembler's."""
    riff, riff_size, wave, fmt, *form, data, size = HEADER.unpack(header)
    if (riff, wave, fmt, data) != (b"RIFF", b"WAVE", b"fmt ", b"data") or tuple(form) != FORMAT:
        raise BadMedia("Not a WAV of mono 16-bit samples at 16 kHz.", code="wav_unexpected")
    if riff_size != size + HEADER_BYTES - 8 or size % SAMPLE_BYTES:
        raise BadMedia("The WAV's header contradicts itself.", code="wav_malformed")
    return int(size)
