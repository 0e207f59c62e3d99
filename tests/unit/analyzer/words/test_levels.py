import numpy as np
import pytest

from services.analyzer.score.words.levels import at_level

HEATS = np.linspace(0, 1, 1001, dtype=np.float32)


def test_a_hotter_line_stays_the_hotter_and_the_ends_stay() -> None:
    levelled = at_level(HEATS)
    assert (np.diff(levelled) > 0).all()
    assert (levelled[0], levelled[-1]) == (0, pytest.approx(1))


def test_calm_gets_calmer_anger_angrier_and_irritation_stays() -> None:
    calm, irritated, angry = (
        HEATS[(least <= HEATS) & (most >= HEATS)] for least, most in ((0.05, 0.15), (0.25, 0.35), (0.6, 0.9))
    )
    assert (at_level(calm) < 0.65 * calm).all()
    assert np.abs(at_level(irritated) - irritated).max() < 0.04
    assert (at_level(angry) > angry + 0.02).all()
