"""Loudness of a recording over time: one level for every 20 ms, in dB relative to full scale (dBFS)."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.audio.pcm import BYTES_PER_SECOND

Levels: TypeAlias = NDArray[np.float32]
"""One value for each 20 ms: 0 dBFS is a full-scale square wave, -120 digital silence. An hour is 720 kB."""

FRAMES_PER_SECOND = 50
FRAME_BYTES = BYTES_PER_SECOND // FRAMES_PER_SECOND
_FRAME_SAMPLES = FRAME_BYTES // 2
_FULL_SCALE = 32768.0
_SMALLEST_POWER = 1e-12

SILENCE_DBFS = -60.0
"""Below this nobody speaks: 16-bit telephone lines idle at -65 or less, soft speech keeps above -50."""


def frame_levels(pcm: bytes) -> Levels:
    """Return the level of each whole 20 ms frame in `pcm`; samples behind the last whole frame are not measured."""
    frames = len(pcm) // FRAME_BYTES
    samples = np.frombuffer(pcm, "<i2", count=frames * _FRAME_SAMPLES).astype(np.float32) / np.float32(_FULL_SCALE)
    mean_square = np.square(samples).reshape(frames, _FRAME_SAMPLES).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(mean_square, _SMALLEST_POWER)), np.float32)


def power(levels: Levels) -> NDArray[np.float64]:
    """Return the mean squares behind `levels`: these may be averaged, decibels may not."""
    return np.power(10.0, levels.astype(np.float64) / 10)


def decibels(mean_square: float) -> float:
    """Return the level in dBFS of a mean square."""
    return float(10 * np.log10(max(mean_square, _SMALLEST_POWER)))
