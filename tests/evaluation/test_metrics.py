import pytest

from tests.evaluation.metrics import inversions, kendall, share, spearman


def test_a_ladder_in_order_has_tau_one_and_a_reversed_one_minus_one() -> None:
    assert kendall([1, 2, 3, 4, 5], [3, 9, 30, 60, 99]) == pytest.approx(1)
    assert kendall([1, 2, 3, 4, 5], [99, 60, 30, 9, 3]) == pytest.approx(-1)


def test_two_equal_steps_cost_a_little_and_two_swapped_ones_more() -> None:
    # tau-b of one tie in ten pairs: 9 / sqrt(10 x 9); of one swap: (9 - 1) / 10
    assert kendall([1, 2, 3, 4, 5], [3, 9, 30, 30, 99]) == pytest.approx(9 / 90**0.5)
    assert kendall([1, 2, 3, 4, 5], [3, 30, 9, 60, 99]) == pytest.approx(0.8)


def test_temperatures_that_are_all_equal_are_no_order() -> None:
    assert kendall([1, 2, 3], [7, 7, 7]) == 0
    assert spearman([1, 2, 3], [7, 7, 7]) == 0


def test_neighbouring_steps_may_be_swapped_and_others_may_not() -> None:
    assert inversions({1: 10, 2: 5, 3: 40, 4: 39, 5: 90}) == []
    assert inversions({1: 10, 2: 5, 3: 40, 4: 60, 5: 39}) == [(3, 5)]


def test_nothing_passed_of_nothing() -> None:
    assert share([]) == 0
    assert share([True, True, False, True]) == 0.75
