import numpy as np
import pytest

from services.analyzer.levels import SILENCE_DBFS, decibels, frame_levels, power
from tests.unit.analyzer.sound import silence, tone


@pytest.mark.parametrize("dbfs", [0.0, -6.0, -20.0, -50.0])
def test_a_square_wave_measures_as_loud_as_its_amplitude(dbfs: float) -> None:
    assert frame_levels(tone(0.1, dbfs=dbfs)) == pytest.approx(np.full(5, dbfs), abs=0.1)


def test_digital_silence_is_finite_and_below_the_floor() -> None:
    levels = frame_levels(silence(0.1))
    assert np.isfinite(levels).all()
    assert (levels < SILENCE_DBFS).all()


def test_only_whole_frames_are_measured() -> None:
    assert len(frame_levels(silence(0.039))) == 1
    assert len(frame_levels(b"")) == 0


def test_levels_average_as_power_does() -> None:
    half_loud = np.array([-20.0, -120.0], np.float32)
    assert decibels(float(power(half_loud).mean())) == pytest.approx(-23.01, abs=0.01)
