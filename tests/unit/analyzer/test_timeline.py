from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.score.fusion import LineHeat
from services.analyzer.score.sound.protocol import LineSound
from services.analyzer.score.temperature import Thermometer
from services.analyzer.score.timeline import timeline
from services.analyzer.score.words.protocol import LineWords
from shared.domain.analysis import TranscriptLine


def said(start: float, end: float, heat: float, channel: str | None = None) -> LineHeat:
    line = TranscriptLine(start=start, end=end, text="eight words are said in every single line", channel=channel)
    return LineHeat(line, LineWords(heat), LineSound(), heat)


def windows(heats: Sequence[LineHeat], seconds: float, *channels: str) -> list[tuple[float, float, str | None]]:
    return [(w.start, w.end, w.channel) for w in timeline(heats, seconds, Thermometer(), channels=channels)]


def test_windows_in_which_nobody_speaks_are_left_out_and_the_last_ends_with_the_recording() -> None:
    assert windows([said(1, 3, 0), said(31, 33.5, 0)], 33.5) == [(0, 10, None), (30, 33.5, None)]


def test_a_line_counts_in_every_window_that_it_reaches_into() -> None:
    assert windows([said(5, 25, 0.5)], 30) == [(0, 10, None), (10, 20, None), (20, 30, None)]


def test_a_line_whose_end_laps_over_counts_where_it_was_said() -> None:
    assert windows([said(2, 10.3, 0.9), said(11, 15, 0.0)], 20) == [(0, 10, None), (10, 20, None)]
    lapping = timeline([said(2, 10.3, 0.9), said(11, 15, 0.0)], 20, Thermometer(), channels=())
    assert lapping[1].temperature == 1
    assert windows([said(9.8, 10.6, 0.5)], 20) == [(10, 20, None)]


def test_each_side_has_a_line_of_its_own_behind_that_of_all() -> None:
    heats = [said(0, 4, 0.9, "left"), said(5, 9, 0.0, "right"), said(12, 14, 0.0, "right")]
    found = timeline(heats, 20, Thermometer(), channels=("left", "right"))
    assert [(w.start, w.channel) for w in found] == [(0, None), (0, "left"), (0, "right"), (10, None), (10, "right")]
    assert found[1].temperature > found[0].temperature > found[2].temperature


def test_a_hot_window_is_hotter_than_its_neighbours() -> None:
    values = [
        w.temperature
        for w in timeline([said(1, 9, 0), said(11, 19, 0.9), said(21, 29, 0)], 30, Thermometer(), channels=())
    ]
    assert values[1] > values[0] + 40
    assert values[1] > values[2] + 40


@given(starts=st.lists(st.floats(0, 500), max_size=40), heat=st.floats(0, 1), length=st.floats(0, 30))
def test_windows_are_in_order_and_on_the_scale(starts: list[float], heat: float, length: float) -> None:
    heats = [said(start, start + length, heat) for start in sorted(starts)]
    found = timeline(heats, 530.0, Thermometer(), channels=())
    assert [w.start for w in found] == sorted({w.start for w in found})
    assert all(1 <= w.temperature <= 100 and w.start < w.end for w in found)


def test_nothing_said_is_no_window() -> None:
    assert timeline([], 60.0, Thermometer(), channels=()) == ()


def test_a_calibration_is_applied_to_every_value() -> None:
    class Halved:
        def apply(self, temperature: int) -> int:
            return max(1, temperature // 2)

    plain = timeline([said(0, 5, 0.8)], 10, Thermometer(), channels=())
    halved = timeline([said(0, 5, 0.8)], 10, Thermometer(Halved()), channels=())
    assert halved[0].temperature == pytest.approx(plain[0].temperature // 2)
