"""A WAV's header, made without the code under test."""

import struct

_RATE = 16_000


def wav_header(size: int) -> bytes:
    """Return the 44-byte header of `size` bytes of mono 16-bit samples at 16 kHz."""
    form = struct.pack("<HHIIHH", 1, 1, _RATE, 2 * _RATE, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + (b"data" + struct.pack("<I", size))
    )
