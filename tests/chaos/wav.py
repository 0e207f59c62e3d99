"""A WAV's header, written without the code that is under test."""

import struct

_RATE = 16_000


def wav_header(size: int) -> bytes:
    """Return the 44 bytes before `size` bytes of mono samples of 16 bits."""
    form = struct.pack("<HHIIHH", 1, 1, _RATE, 2 * _RATE, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + (b"data" + struct.pack("<I", size))
    )
