"""Mixes two channels to one so that neither is lost: the mean, or half the difference where the mean would cancel."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shared.audio.pcm import SAMPLE_RATE
from shared.audio.stereo import StereoVerdict

StereoBlock = NDArray[np.int16]
"""Samples of two channels, left and right, of shape (frames, 2)."""

_WINDOW = SAMPLE_RATE // 4  # frames for which one decision is taken
_FADE = SAMPLE_RATE // 50  # 20 ms from one sign to the other: a jump would be heard as a click
_ALONE: dict[StereoVerdict, Literal[0, 1]] = {"antiphase": 0, "left_only": 0, "right_only": 1}
_SOFTEST = 8.0**2  # mean square of a window whose channels are compared: below it they are noise


class Downmix:
    """Mixes blocks of two channels to PCM of one; feed it a recording's blocks in order.

    Of a recording in antiphase or with a dead channel, one channel at its full level. Of any other the mean, rounded
    up at a half, as FFmpeg does it but for the last bit; for windows of 0.25 s whose mean has less than a tenth of the
    energy of half the difference, that difference, faded over 20 ms, and the mean again once it has more energy
    (docs/adr/0022).
    """

    def __init__(self, verdict: StereoVerdict) -> None:
        self._alone = _ALONE.get(verdict)
        self._sign = 1.0

    def mix(self, block: StereoBlock) -> bytes:
        """Return the samples of one channel, as many as the block has frames."""
        if self._alone is not None:
            return block[:, self._alone].tobytes()
        signs = self._signs(block)
        if self._sign == 1.0 and all(sign == 1.0 for sign in signs):
            left, right = block[:, 0], block[:, 1]
            return ((left | right) - ((left ^ right) >> 1)).tobytes()  # (left + right + 1) >> 1 without overflow
        mixed = (block[:, 0] + self._weights(signs, len(block)) * block[:, 1]) / 2
        return np.floor(mixed + 0.5).clip(-32768, 32767).astype("<i2").tobytes()

    def _signs(self, block: StereoBlock) -> list[float]:
        """Return for each window whether right is added (1) or subtracted (-1)."""
        signs, sign = [], self._sign
        for start in range(0, len(block), _WINDOW):
            window = block[start : start + _WINDOW]
            left, right = _without_offset(window[:, 0]), _without_offset(window[:, 1])
            both = float(left @ left + right @ right)
            if both > _SOFTEST * len(left):
                shared = 2 * float(left @ right)
                if 10 * (both + shared) < both - shared:
                    sign = -1.0
                elif shared > 0:
                    sign = 1.0
            signs.append(sign)
        return signs

    def _weights(self, signs: list[float], frames: int) -> NDArray[np.float32]:
        """Return right's weight for each frame, and remember the last sign."""
        weights = np.repeat(np.array(signs, np.float32), _WINDOW)[:frames]
        before = self._sign
        for number, sign in enumerate(signs):
            if sign != before:
                fade = np.linspace(before, sign, _FADE, dtype=np.float32)
                start = number * _WINDOW
                weights[start : start + _FADE] = fade[: frames - start]
            before = sign
        self._sign = before
        return weights


def _without_offset(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return the samples without a constant offset, which is no sound and could look like antiphase."""
    centred = samples.astype(np.float32)
    centred -= centred.mean()
    return centred
