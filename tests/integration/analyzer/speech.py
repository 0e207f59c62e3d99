"""Real speech for tests: a sample that comes in the speech model's own package."""

import importlib.util
import wave
from functools import cache
from pathlib import Path

from services.analyzer.audio_piece import AudioPiece

WORDS = ("Ever tried", "Ever failed", "No matter", "Try again")


@cache
def speech_sample() -> bytes:
    """Return ten seconds of "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better." at 16 kHz."""
    found = importlib.util.find_spec("moonshine_voice")
    assert found is not None
    assert found.origin is not None
    with wave.open(str(Path(found.origin).with_name("assets") / "beckett.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
        samples: bytes = file.readframes(file.getnframes())
        return samples


def piece(pcm: bytes, start: float = 0.0) -> AudioPiece:
    return AudioPiece(start, pcm, ((0.0, len(pcm) / 32_000),))
