"""Measures how each line of a transcript was voiced: its level, pitch and spectral shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.sound.protocol import FRAMES_PER_SECOND, SILENCE_LEVEL, SoundFrames
from shared.domain.analysis import TranscriptLine

_CLEARLY_VOICED = 0.8  # of correlation: below it the pitch may be a multiple of the true one
_VOICED = 0.5  # of correlation: enough to count for the level; creaky voices are seldom clearer
_ABOVE_NOISE = 6.0  # dB
_RANGE = 30.0  # dB below a line's loudest frame: what is softer fades out, and how much of it counts is chance
_NOISE_QUANTILE = 0.1  # conversations pause for more than a tenth of their time
_SECOND = FRAMES_PER_SECOND
_STRIDE = FRAMES_PER_SECOND // 5
_LEAST_FRAMES = 8  # 0.16 s of voice: one stressed syllable


@dataclass(frozen=True, slots=True, eq=False)
class LineVoice:
    """A line's voice.

    `level` is the mean power of its loudest second, in dBFS; `pitch` its median in semitones; `shape` the levels of the
    bands, whose mean is 0, so that gain does not change it; `voiced` how many frames have a voice of a sure pitch.
    """

    level: float
    pitch: float
    shape: NDArray[np.float64]
    voiced: int

    @property
    def tilt(self) -> float:
        """How many dB the bands above 1 kHz lie over those below: raised voices have flatter spectra."""
        middle = len(self.shape) // 2
        return float(self.shape[middle:].mean() - self.shape[:middle].mean())


def noise_level(frames: SoundFrames) -> float:
    """Return the level of a channel's pauses in dBFS."""
    return float(np.quantile(frames.levels, _NOISE_QUANTILE)) if len(frames.levels) else SILENCE_LEVEL


def line_voices(lines: Sequence[TranscriptLine], frames: SoundFrames) -> list[LineVoice | None]:
    """Return the voice of each line of one channel, None for lines in which hardly any is heard."""
    noise = noise_level(frames)
    clear = clearly_voiced(frames, noise)
    voiced = (frames.voicing >= _VOICED) & _audible(frames, noise)
    return [_line_voice(frames, clear, voiced, frames_of(line)) for line in lines]


def clearly_voiced(frames: SoundFrames, noise: float) -> NDArray[np.bool_]:
    """Return in which frames there is a voice whose pitch is sure, well above the noise."""
    voiced = (frames.voicing >= _CLEARLY_VOICED) & ~np.isnan(frames.pitch)
    return voiced & _audible(frames, noise)


def _audible(frames: SoundFrames, noise: float) -> NDArray[np.bool_]:
    return frames.levels >= max(noise + _ABOVE_NOISE, SILENCE_LEVEL)


def frames_of(line: TranscriptLine) -> slice:
    """Return the frames from a line's start to its end."""
    begin = max(math.floor(line.start * FRAMES_PER_SECOND), 0)
    return slice(begin, max(math.ceil(line.end * FRAMES_PER_SECOND), begin))


def _line_voice(
    frames: SoundFrames, clear: NDArray[np.bool_], voiced: NDArray[np.bool_], span: slice
) -> LineVoice | None:
    sure = clear[span]
    count = int(np.count_nonzero(sure))
    if count < _LEAST_FRAMES:
        return None
    levels = frames.levels[span]
    spoken = voiced[span] | sure
    bands = np.median(frames.bands[span][sure].astype(np.float64), axis=0)
    return LineVoice(
        level=_loudest_second(levels, spoken & (levels >= levels[spoken].max() - _RANGE)),
        pitch=float(np.median(frames.pitch[span][sure])),
        shape=bands - bands.mean(),
        voiced=count,
    )


def _loudest_second(levels: NDArray[np.float32], voiced: NDArray[np.bool_]) -> float:
    """Return the highest mean power of a second's voiced frames: a slammed door has no voice.

    The mean of all voiced frames hardly depends on which vowels a line has; a median of the clearest ones does.
    """
    power = np.where(voiced, np.power(10.0, levels.astype(np.float64) / 10), 0.0)
    length = min(len(power), _SECOND)
    starts = np.arange(0, len(power) - length + 1, _STRIDE)
    sums, counts = (
        total[starts + length] - total[starts]
        for total in (np.concatenate(([0.0], np.cumsum(values))) for values in (power, voiced))
    )
    enough = counts >= min(_LEAST_FRAMES * 2, float(counts.max()))
    return float(10 * np.log10((sums[enough] / counts[enough]).max()))
