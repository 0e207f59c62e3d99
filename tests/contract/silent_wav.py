"""A very short silent WAV."""

import io
import wave
from functools import cache


@cache
def silence() -> bytes:
    """Return a WAV of 40 ms whose bytes are all ASCII, so that it can be sent as text."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
        writer.writeframes(b"\x7f" * 320)
    return file.getvalue()
