"""Measures how each line of a transcript was voiced: its level, pitch and spectral shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.analyzer.score.sound.protocol import FRAMES_PER_SECOND, SILENCE_LEVEL, SoundFrames
from shared.domain.analysis import TranscriptLine

_CLEARLY_VOICED = 0.8  # of correlation: below it the pitch may be a multiple of the true one
_ABOVE_NOISE = 6.0  # dB
_NOISE_QUANTILE = 0.1  # conversations pause for more than a tenth of their time
_SECOND = FRAMES_PER_SECOND
_STRIDE = FRAMES_PER_SECOND // 5
_LEAST_FRAMES = 8  # 0.16 s of voice: one stressed syllable


@dataclass(frozen=True, slots=True, eq=False)
class LineVoice:
    """A line's voice.

    `level` is that of its loudest second, in dBFS; `pitch` its median in semitones; `shape` the levels of the bands,
    whose mean is 0, so that gain does not change it; `voiced` how many frames have a voice.
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
    clear = clearly_voiced(frames, noise_level(frames))
    return [_line_voice(frames, clear, frames_of(line)) for line in lines]


def clearly_voiced(frames: SoundFrames, noise: float) -> NDArray[np.bool_]:
    """Return in which frames there is a voice whose pitch is sure, well above the noise."""
    voiced = (frames.voicing >= _CLEARLY_VOICED) & ~np.isnan(frames.pitch)
    return voiced & (frames.levels >= max(noise + _ABOVE_NOISE, SILENCE_LEVEL))


def frames_of(line: TranscriptLine) -> slice:
    """Return the frames from a line's start to its end."""
    begin = max(math.floor(line.start * FRAMES_PER_SECOND), 0)
    return slice(begin, max(math.ceil(line.end * FRAMES_PER_SECOND), begin))


def _line_voice(frames: SoundFrames, clear: NDArray[np.bool_], span: slice) -> LineVoice | None:
    voiced = clear[span]
    count = int(np.count_nonzero(voiced))
    if count < _LEAST_FRAMES:
        return None
    bands = np.median(frames.bands[span][voiced].astype(np.float64), axis=0)
    return LineVoice(
        level=_loudest_second(frames.levels[span], voiced),
        pitch=float(np.median(frames.pitch[span][voiced])),
        shape=bands - bands.mean(),
        voiced=count,
    )


def _loudest_second(levels: NDArray[np.float32], voiced: NDArray[np.bool_]) -> float:
    """Return the highest median of the voiced frames of a second: a slammed door has no voice and is short."""
    spoken = np.where(voiced, levels, np.nan)
    if len(spoken) <= _SECOND:
        return float(np.nanmedian(spoken))
    seconds = sliding_window_view(spoken, _SECOND)[::_STRIDE]
    counts = np.count_nonzero(~np.isnan(seconds), axis=1)
    enough = counts >= min(_LEAST_FRAMES * 2, int(counts.max()))
    return float(np.nanmedian(seconds[enough], axis=1).max())
