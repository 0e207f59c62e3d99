"""Sound as arrays: float32 from -1 to 1 at 16 kHz, one dimension for mono, two columns for the sides of a call."""

import io
import wave
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

Samples: TypeAlias = NDArray[np.float32]

RATE = 16_000
_AUDIBLE = 0.005  # what is softer does not count for the level of speech
_FULL_SCALE = 32768


def resampled(samples: Samples, hertz: int) -> Samples:
    """Return samples of another rate at 16 kHz."""
    divisor = int(np.gcd(hertz, RATE))
    return np.asarray(resample_poly(samples, RATE // divisor, hertz // divisor), np.float32)


def silence(seconds: float) -> Samples:
    """Return digital silence."""
    return np.zeros(round(seconds * RATE), np.float32)


def decibels(gain: float) -> np.float32:
    """Return the factor of a gain in dB."""
    return np.float32(10 ** (gain / 20))


def leveled(samples: Samples, dbfs: float) -> Samples:
    """Return speech at a level in dBFS, measured over what is audible of it."""
    audible = samples[np.abs(samples) > _AUDIBLE * np.abs(samples).max()]
    return np.asarray(samples * decibels(dbfs) / np.sqrt(np.mean(np.square(audible))), np.float32)


def as_wav(samples: Samples) -> bytes:
    """Return a 16-bit WAV of one or two channels."""
    output = io.BytesIO()
    with wave.open(output, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(RATE)
        limited = np.clip(samples, -1, 1 - 1 / _FULL_SCALE)
        file.writeframes(np.round(limited * _FULL_SCALE).astype("<i2").tobytes())
    return output.getvalue()


def of_pcm(content: bytes) -> Samples:
    """Return 16-bit mono samples as floats."""
    return np.frombuffer(content, "<i2").astype(np.float32) / np.float32(_FULL_SCALE)
