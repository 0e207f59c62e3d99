"""What the sound of a recording says, as numbers: of each 20 ms, of each line, and of the recording's quality."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_SECOND = 50


@dataclass(frozen=True, slots=True, eq=False)
class SoundFrames:
    """One channel's sound as arrays of float32, a value for every 20 ms; an hour is 720 kB each.

    `levels` in dBFS of the sound without DC and hum, `pitch` in semitones above 55 Hz and NaN where there is none,
    `clipped` the share of samples at full scale.
    """

    levels: NDArray[np.float32]
    pitch: NDArray[np.float32]
    clipped: NDArray[np.float32]


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
