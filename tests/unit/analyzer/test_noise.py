import numpy as np
import pytest
from numpy.typing import NDArray

from services.analyzer.transcribe.noise import without_steady_noise

RATE = 16_000


def bursts(seconds: float = 3.0) -> NDArray[np.float32]:
    """Tones that come and go, as syllables do."""
    at = np.arange(int(seconds * RATE)) / RATE
    return (0.1 * np.sin(2 * np.pi * 440 * at) * (at % 0.5 < 0.25)).astype(np.float32)


def hiss(seconds: float, level: float) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(0, level, int(seconds * RATE)).astype(np.float32)


def power(samples: NDArray[np.float32]) -> float:
    return float(np.square(samples).mean())


def test_clean_sound_comes_back_as_it_is() -> None:
    sound = bursts()
    assert np.array_equal(without_steady_noise(sound), sound)


@pytest.mark.parametrize("level", [0.01, 0.02])
def test_steady_noise_is_weakened_and_what_comes_and_goes_is_not(level: float) -> None:
    clean = bursts()
    noisy = clean + hiss(3.0, level)
    left = without_steady_noise(noisy)
    assert left.shape == noisy.shape
    assert power(left - clean) < power(noisy - clean) / 4
    assert power(left) > 0.7 * power(clean)


@pytest.mark.parametrize("samples", [1, 100, 1600, 1601])
def test_the_length_stays(samples: int) -> None:
    assert len(without_steady_noise(hiss(1.0, 0.1)[:samples])) == samples


def test_silence_stays_silence() -> None:
    assert not without_steady_noise(np.zeros(8000, np.float32)).any()
