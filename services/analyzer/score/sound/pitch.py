"""The pitch of short-time spectra by autocorrelation, and its repair where it jumps an octave.

The autocorrelation is divided by that of the window (Boersma 1993, Accurate short-term analysis of the fundamental
frequency), and the lag found as in YIN (de Cheveigné and Kawahara 2002): a local extremum, refined by a parabola, the
shorter lag where two are nearly as good.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.analyzer.score.sound.spectrum import TRANSFORM, WINDOW, bin_of
from shared.audio.pcm import SAMPLE_RATE

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
REFERENCE_HZ = 55.0  # pitch is in semitones above this A

_HIGHEST_HARMONIC_HZ = 1500  # above it is mostly breath
_RATE = SAMPLE_RATE // 2  # of the autocorrelation
_FIRST_LAG = int(_RATE / HIGHEST_HZ) - 1
_LAST_LAG = int(np.ceil(_RATE / LOWEST_HZ)) + 1
_LAGS = np.arange(_FIRST_LAG + 1, _LAST_LAG)
_COSTS = (0.03 * np.log2(_LAGS / _FIRST_LAG)).astype(np.float32)  # of correlation, for each doubling of the lag
_VOICED = 0.5  # the least correlation of a voice; noise rarely has more

_NEAR = 15  # voiced frames on each side, 0.3 s: a voice does not leap an octave and back within a word
_OCTAVE = 12.0
_OCTAVE_SLACK = 3.0


def pitch_of(spectra: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the pitch in semitones above 55 Hz, NaN where there is none, and the voicing from 0 to 1, of each row."""
    correlation = _autocorrelation(spectra)
    before, inner, behind = correlation[:, :-2], correlation[:, 1:-1], correlation[:, 2:]
    curve = np.minimum(before - 2 * inner + behind, np.float32(-1e-9))
    height = inner - np.square(before - behind) / (8 * curve)  # of the parabola: high voices peak between two lags
    peaks = (inner > before) & (inner >= behind)
    best = np.where(peaks, height - _COSTS, np.float32(-1)).argmax(axis=1)
    at = (np.arange(len(spectra)), best)
    voicing = np.where(peaks[at], np.clip(height[at], 0, 1), 0).astype(np.float32)
    lag = _LAGS[best] + (before[at] - behind[at]) / (2 * curve[at])
    semitones = 12 * np.log2(_RATE / lag / REFERENCE_HZ)
    return np.where(voicing >= _VOICED, semitones, np.nan).astype(np.float32), voicing


def without_octave_jumps(pitch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the pitch with values moved by whole octaves where that brings them near those around them."""
    voiced = np.flatnonzero(~np.isnan(pitch))
    if len(voiced) <= 2 * _NEAR:
        return pitch
    values = pitch[voiced]
    around = np.median(sliding_window_view(np.pad(values, _NEAR, mode="edge"), 2 * _NEAR + 1), axis=1)
    off = values - around
    octaves = _OCTAVE * np.round(off / _OCTAVE)
    repaired = pitch.copy()
    repaired[voiced] = np.where(np.abs(off - octaves) <= _OCTAVE_SLACK, values - octaves, values)
    return repaired


def _autocorrelation(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the normalised autocorrelation of each row at the lags from the first to the last."""
    band = np.zeros((len(spectra), TRANSFORM // 4 + 1), np.float32)
    highest = bin_of(_HIGHEST_HARMONIC_HZ)
    band[:, :highest] = spectra[:, :highest]
    lagged = np.fft.irfft(band, TRANSFORM // 2)[:, : _LAST_LAG + 1]
    normal = lagged / np.maximum(lagged[:, :1], np.float32(1e-20)) / _WINDOW_CORRELATION
    return normal[:, _FIRST_LAG:].astype(np.float32)


def _window_correlation() -> NDArray[np.float32]:
    """Return the Hann window's own autocorrelation at the lags from 0 to the last, 1 at lag 0."""
    window = np.hanning(WINDOW // 2 + 1)[:-1]
    full = np.correlate(window, window, mode="full")[len(window) - 1 :]
    return np.asarray(full[: _LAST_LAG + 1] / full[0], np.float32)


_WINDOW_CORRELATION = _window_correlation()
