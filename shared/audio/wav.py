"""The header of a WAV file: RIFF, one `fmt ` chunk for PCM, one `data` chunk."""

import struct

from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES, SAMPLE_RATE

HEADER_BYTES = 44
_PCM_FORMAT = 1
_MAX_DATA = 0xFFFFFFFF - (HEADER_BYTES - 8)


def wav_header(data_bytes: int) -> bytes:
    """Return the 44 bytes before `data_bytes` of mono 16 kHz 16-bit samples.

    Raises ValueError for half a sample, or past what RIFF's 32-bit sizes can say (37 hours).
    """
    if data_bytes % SAMPLE_BYTES or not 0 <= data_bytes <= _MAX_DATA:
        raise ValueError(f"{data_bytes} bytes of samples do not fit a WAV file")
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        data_bytes + HEADER_BYTES - 8,
        b"WAVE",
        b"fmt ",
        16,
        _PCM_FORMAT,
        1,
        SAMPLE_RATE,
        BYTES_PER_SECOND,
        SAMPLE_BYTES,
        SAMPLE_BYTES * 8,
        b"data",
        data_bytes,
    )
