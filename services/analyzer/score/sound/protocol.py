"""What the sound of a recording says, as numbers: of each 20 ms, of each line, and of the recording's quality."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_SECOND = 50

BAND_EDGES = (130, 300, 600, 1000, 1600, 2400, 3400)
"""Hz between the bands of `SoundFrames.bands`: what a telephone carries, so that a call over one measures the same."""

SILENCE_LEVEL = -65.0
"""Below this nobody speaks: 16-bit telephone lines idle there or lower, soft speech keeps above -55."""


@dataclass(frozen=True, slots=True, eq=False)
class SoundFrames:
    """One channel's sound as arrays with a value for every whole 20 ms; an hour is 5 MB.

    `levels` in dBFS of the band of a telephone, so without DC and most hum; `pitch` in semitones above 55 Hz and NaN
    where there is none; `voicing`, 0 to 1, how periodic the sound is; `clipped` the share of samples at full scale;
    `bands` the levels in dBFS of the bands between `BAND_EDGES` (float16, a row for each frame).
    """

    levels: NDArray[np.float32]
    pitch: NDArray[np.float32]
    voicing: NDArray[np.float32]
    clipped: NDArray[np.float32]
    bands: NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class ChannelSound:
    """A channel's name (None for the only one) and its sound."""

    name: str | None
    frames: SoundFrames


@dataclass(frozen=True, slots=True)
class LineSound:
    """How a line was said, against the usual of its channel or speaker.

    `arousal` is 0 (as usual) to 1 (shouted); `rise` is in dB, `pitch_rise` in semitones, `pace` in words a second.
    """

    arousal: float = 0.0
    rise: float = 0.0
    pitch_rise: float = 0.0
    pace: float = 0.0
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SoundQuality:
    """How far a recording can be trusted: speech over noise in dB, the share of clipped speech, seconds of speech."""

    snr: float
    clipped: float
    voiced_seconds: float
