from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.score.words.pooling import pool, pooling_weights

CALM, HOT = 0.08, 0.95


def test_no_lines_are_the_lowest_temperature() -> None:
    assert pool([], []) == 1


@pytest.mark.parametrize(("heat", "temperature"), [(0.0, 1.0), (0.5, 50.5), (1.0, 100.0)])
def test_lines_of_one_heat_have_that_heat_however_many_they_are(heat: float, temperature: float) -> None:
    for count in (1, 2, 3, 50):
        assert pool([heat] * count, [7] * count) == pytest.approx(temperature)


def test_a_quarrel_of_five_lines_shows_in_a_calm_call_of_fifty() -> None:
    for at in (5, 25, 50):
        heats = [CALM] * at + [HOT] * 5 + [CALM] * (50 - at)
        assert pool(heats, [9] * 55) >= 45


def test_a_long_calm_call_is_no_hotter_than_a_short_one() -> None:
    heats = [0.0, 0.15, 0.05, 0.1, 0.2] * 20
    assert pool(heats, [9] * 100) <= pool(heats[:5], [9] * 5) + 5


def test_one_misjudged_line_weighs_less_than_two_hot_lines_together() -> None:
    apart = [CALM] * 20
    apart[4] = apart[15] = HOT
    together = [CALM] * 20
    together[9] = together[10] = HOT
    assert pool(apart, [9] * 20) < pool(together, [9] * 20)


def test_a_quarrel_at_the_end_is_hotter_than_one_at_the_start() -> None:
    heats = [CALM] * 20 + [HOT] * 4
    assert pool(heats, [9] * 24) > pool(heats[::-1], [9] * 24)


def test_hotter_lines_are_never_colder_together() -> None:
    temperatures = [pool([CALM, heat, CALM, CALM], [8, 8, 8, 8]) for heat in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert all(colder < hotter for colder, hotter in pairwise(temperatures))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60)), min_size=1, max_size=40))
def test_the_temperature_lies_between_its_lines_and_the_weights_add_up(lines: list[tuple[float, int]]) -> None:
    heats, words = [heat for heat, _ in lines], [count for _, count in lines]
    assert pooling_weights(heats, words).sum() == pytest.approx(1)
    assert 1 + 99 * min(heats) - 1e-6 <= pool(heats, words) <= 1 + 99 * max(heats) + 1e-6
