"""Short-time power spectra: 64 ms of 16 kHz sound under a Hann window, every 20 ms."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.analyzer.score.sound.protocol import BAND_EDGES, FRAMES_PER_SECOND
from shared.audio.pcm import SAMPLE_RATE

HOP = SAMPLE_RATE // FRAMES_PER_SECOND
WINDOW = 1024  # 64 ms: nearly four periods of the deepest voice (60 Hz)
TRANSFORM = 1280  # zeros behind the window: 12.5 Hz between bins, and room for the lags of an autocorrelation
_HANN = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
_FULL_SCALE = 32768.0
_RAMP_HZ = 300


def bin_of(hertz: float) -> int:
    """Return the number of the first bin at or above a frequency."""
    return int(np.ceil(hertz * TRANSFORM / SAMPLE_RATE))


def power_spectra(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return a row for each whole window that fits into `samples`, `HOP` apart.

    Its bins go from 0 Hz to the last of `BAND_EDGES`. They are empty below the first, where DC and hum lie, count less
    up to 300 Hz, where harmonics of hum lie, and add up to the mean square in the band, where 1 is full scale.
    """
    windows = sliding_window_view(samples, WINDOW)[::HOP] * _HANN
    spectrum = np.fft.rfft(windows, TRANSFORM)[:, : len(_WEIGHTS)]
    return (np.square(spectrum.real) + np.square(spectrum.imag)) * _WEIGHTS


def _weights() -> NDArray[np.float32]:
    bins = np.arange(bin_of(BAND_EDGES[-1]))
    ramp = np.clip((bins - bin_of(BAND_EDGES[0])) / (bin_of(_RAMP_HZ) - bin_of(BAND_EDGES[0])), 0, 1)
    scale = 2.0 / (TRANSFORM * float(np.square(_HANN).sum()) * _FULL_SCALE**2)
    return (np.square(ramp) * scale).astype(np.float32)


_WEIGHTS = _weights()
