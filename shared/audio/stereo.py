"""Compares the two channels of a stereo recording: two sides of a conversation, or one sound twice."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

StereoVerdict: TypeAlias = Literal["different", "equal", "antiphase", "left_only", "right_only", "silent"]
"""`antiphase` channels cancel when they are added; `left_only` and `right_only` have a dead channel beside them."""

_SEGMENTS_PER_SECOND = 4
_FULL_SCALE = 32768.0
_SOUND = -60.0  # dBFS: below is the idling of a line
_ABOVE_NOISE, _MOST_NOISE = 12.0, -45.0  # dB, dBFS: each channel has noise of its own
_STEADY = 6.0  # dB below the loudest segment no segment is left out, where all are soft
_RANGE = 20.0  # dB below the loudest segment of the same quarter minute
_AROUND = 15 * _SEGMENTS_PER_SECOND
_CORRELATED = 0.95  # codecs that code stereo jointly keep 0.98 in sound
_LARGEST_GAIN = 6.0  # dB; further apart it is crosstalk from one side of a call to the other
_GAIN_WANDERS = 2.0  # dB
_STRAY_SHARE, _MOST_STRAY = 0.02, 8  # segments that may disagree: clicks, a fade; two seconds hold an answer
_LEAST_SOUND = 2  # segments with sound in a channel that is not dead


class StereoComparison:
    """Compares two channels of one sample rate, fed in any amounts; keeps three numbers for each quarter second."""

    def __init__(self, sample_rate: int) -> None:
        self._length = sample_rate // _SEGMENTS_PER_SECOND
        self._rest = np.empty((2, 0), np.int16)
        self._segments: list[NDArray[np.float64]] = []

    def feed(self, left: NDArray[np.int16], right: NDArray[np.int16]) -> None:
        """Add samples, as many of the left as of the right; raises ValueError otherwise."""
        if len(left) != len(right):
            raise ValueError("both channels need the same number of samples")
        samples = np.concatenate((self._rest, np.stack((left, right))), axis=1)
        whole = samples.shape[1] - samples.shape[1] % self._length
        if whole:
            self._segments.append(_covariances(samples[:, :whole].reshape(2, -1, self._length)))
        self._rest = samples[:, whole:].copy()

    def verdict(self) -> StereoVerdict:
        """Return what the channels fed so far are to each other; a rest of less than a quarter second counts too."""
        segments = list(self._segments)
        if self._rest.shape[1]:
            segments.append(_covariances(self._rest.reshape(2, 1, -1)))
        if not segments:
            return "silent"
        return _compare(*np.concatenate(segments, axis=1))


def the_one_channel(verdict: StereoVerdict) -> Literal["left", "right"] | None:
    """Return the channel that holds all there is to hear, or None where that takes both."""
    if verdict == "different":
        return None
    return "right" if verdict == "right_only" else "left"


def _covariances(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return three rows for (2, segments, length) samples: power left, power right and covariance, without DC."""
    sound = samples / _FULL_SCALE
    sound -= sound.mean(axis=2, keepdims=True)
    left, right = sound
    return np.stack(
        [np.einsum("ij,ij->i", a, b) / sound.shape[2] for a, b in ((left, left), (right, right), (left, right))]
    )


def _compare(left: NDArray[np.float64], right: NDArray[np.float64], both: NDArray[np.float64]) -> StereoVerdict:
    sounding = [int(np.count_nonzero(_level(power) >= _SOUND)) for power in (left, right)]
    dead = [count < _LEAST_SOUND for count in sounding]
    if any(dead):
        return "silent" if sounding == [0, 0] else "left_only" if sounding[0] >= sounding[1] else "right_only"
    loud = _loud(_level(np.maximum(left, right)))
    left, right, both = left[loud], right[loud], both[loud]
    correlation = both / np.sqrt(np.maximum(left * right, 1e-24))
    gain = _level(left) - _level(right)
    usual = float(np.median(gain))
    steady = (np.abs(gain - usual) <= _GAIN_WANDERS) & (abs(usual) <= _LARGEST_GAIN)
    most_stray = min(max(_STRAY_SHARE * len(gain), 1), _MOST_STRAY, len(gain) / 5)
    if np.count_nonzero(~(steady & (correlation >= _CORRELATED))) <= most_stray:
        return "equal"
    if np.count_nonzero(~(steady & (correlation <= -_CORRELATED))) <= most_stray:
        return "antiphase"
    return "different"


def _loud(level: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which segments are well above each channel's own noise; those around them say what is loud."""
    noise = min(float(np.quantile(level, 0.05)) + _ABOVE_NOISE, _MOST_NOISE, float(level.max()) - _STEADY)
    around = np.repeat([level[at : at + _AROUND].max() for at in range(0, len(level), _AROUND)], _AROUND)[: len(level)]
    return level >= np.maximum(np.maximum(noise, _SOUND), around - _RANGE)


def _level(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return dBFS."""
    return 10 * np.log10(np.maximum(power, 1e-12))
