"""Synthetic audio for tests: tones and silences of known level and length."""

import numpy as np

from shared.audio.pcm import SAMPLE_RATE


def tone(seconds: float, *, dbfs: float = -20.0) -> bytes:
    """Return the samples of a 200 Hz square wave, whose level is that of its amplitude."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    amplitude = 32767 * 10 ** (dbfs / 20)
    return np.where((time * 200) % 1 < 0.5, amplitude, -amplitude).astype("<i2").tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * SAMPLE_RATE))
