"""Brings sound to the level that the models know, so that a microphone's gain changes no word."""

import numpy as np
from numpy.typing import NDArray

_USUAL = 10 ** (-23 / 20)  # of full scale: the level of speech in broadcasts (EBU R 128)
_MOST_GAIN = 10 ** (40 / 20)
_FULL_SCALE = 32768
_BLOCK = 512  # samples, 32 ms
_LOUD_BLOCKS = 5  # a sound of 0.16 s is no click
_SMALLEST = 1e-6


def at_usual_level(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return the samples as -1 to 1, without DC, amplified so that their loudest 0.16 s have the usual level."""
    sound = samples.astype(np.float32) / np.float32(_FULL_SCALE)
    if not len(sound):
        return sound
    sound -= sound.mean(dtype=np.float64).astype(np.float32)
    gain = min(_USUAL / max(_loudness(sound), _SMALLEST), _MOST_GAIN)
    amplified: NDArray[np.float32] = np.clip(sound * np.float32(gain), -1, 1)
    return amplified


def _loudness(sound: NDArray[np.float32]) -> float:
    """Return the root mean square of the fifth loudest block, or of all where there are fewer."""
    blocks = len(sound) // _BLOCK
    if blocks < _LOUD_BLOCKS:
        return float(np.sqrt(np.mean(np.square(sound))))
    powers = np.square(sound[: blocks * _BLOCK]).reshape(blocks, _BLOCK).mean(axis=1)
    return float(np.sqrt(np.sort(powers)[-_LOUD_BLOCKS]))
