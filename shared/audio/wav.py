"""WAV headers: 44 bytes, RIFF with one `fmt ` chunk for PCM and one `data` chunk, 16 kHz 16-bit samples."""

import struct

from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES, SAMPLE_RATE

# RIFF size "WAVE" "fmt " 16, then format tag, channels, rate, bytes a second, block align, bits, "data" size:
# the canonical form of Microsoft's "Multimedia Programming Interface and Data Specifications 1.0".
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = HEADER.size
FORMAT = (16, 1, 1, SAMPLE_RATE, BYTES_PER_SECOND, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
"""What the header says between `fmt ` and `data`: the chunk's size, PCM, one channel, and the rest."""

_STEREO = (16, 1, 2, SAMPLE_RATE, 2 * BYTES_PER_SECOND, 2 * SAMPLE_BYTES, 8 * SAMPLE_BYTES)
STREAMED_STEREO = HEADER.pack(b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", *_STEREO, b"data", 0xFFFFFFFF)
"""The header before a stream of interleaved samples of two channels whose length is not known."""

_MAX_DATA = 0xFFFFFFFF - (HEADER_BYTES - 8)


def wav_header(data_bytes: int) -> bytes:
    """Return the 44 bytes before `data_bytes` of mono 16 kHz 16-bit samples.

    Raises ValueError for half a sample, or past what RIFF's 32-bit sizes can say (37 hours).
    """
    if data_bytes % SAMPLE_BYTES or not 0 <= data_bytes <= _MAX_DATA:
        raise ValueError(f"{data_bytes} bytes of samples do not fit a WAV file")
    return HEADER.pack(b"RIFF", data_bytes + HEADER_BYTES - 8, b"WAVE", b"fmt ", *FORMAT, b"data", data_bytes)


def decoded_channels(header: bytes) -> int | None:
    """Return 1 or 2 for the header of a mono or stereo WAV that FFmpeg wrote to a pipe, else None.

    Its sizes are not looked at: FFmpeg does not know them yet. For other layouts FFmpeg writes a longer header.
    """
    if len(header) < HEADER_BYTES:
        return None
    riff, _, wave, fmt, *form, data, _ = HEADER.unpack(header[:HEADER_BYTES])
    if (riff, wave, fmt, data) != (b"RIFF", b"WAVE", b"fmt ", b"data"):
        return None
    return {FORMAT: 1, _STEREO: 2}.get(tuple(form))
