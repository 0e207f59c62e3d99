import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.levels import FRAMES_PER_SECOND, Levels
from services.analyzer.score.loudness import loudness_rises
from shared.domain.analysis import TranscriptLine

decibels = st.floats(-50, 0)
a_few = st.lists(decibels, min_size=1, max_size=12)


def conversation(levels: list[float]) -> tuple[list[TranscriptLine], Levels]:
    """Two-second lines at the given levels, a second of near silence after each."""
    lines = [TranscriptLine(start=3.0 * n, end=3.0 * n + 2, text="words") for n in range(len(levels))]
    parts = [
        np.repeat(np.array([level, -90], np.float32), [2 * FRAMES_PER_SECOND, FRAMES_PER_SECOND]) for level in levels
    ]
    return lines, np.concatenate(parts)


def test_a_shout_rises_above_the_rest_by_as_much_as_it_is_louder() -> None:
    assert loudness_rises(*conversation([-30, -30, -18, -30])) == pytest.approx([0, 0, 12, 0], abs=0.01)


def test_it_is_seen_when_one_of_two_speakers_shouts_all_the_time() -> None:
    assert loudness_rises(*conversation([-30, -18, -30, -18, -30, -18])) == pytest.approx(
        [0, 12, 0, 12, 0, 12], abs=0.01
    )


@given(levels=a_few, gain=st.floats(-6, 6))
def test_the_gain_of_the_whole_recording_changes_nothing(levels: list[float], gain: float) -> None:
    lines, track = conversation(levels)
    assert loudness_rises(lines, track + np.float32(gain)) == pytest.approx(loudness_rises(lines, track), abs=0.01)


@given(levels=st.lists(decibels, min_size=2, max_size=12), louder=st.floats(0, 20), data=st.data())
def test_making_a_raised_line_louder_lowers_no_line(levels: list[float], louder: float, data: st.DataObject) -> None:
    before = loudness_rises(*conversation(levels))
    raised = [n for n, rise in enumerate(before) if rise > 0]
    if raised:
        levels[data.draw(st.sampled_from(raised))] += louder
        after = loudness_rises(*conversation(levels))
        assert all(now >= then - 0.01 for now, then in zip(after, before, strict=True))


def test_a_line_without_sound_under_it_does_not_rise() -> None:
    lines, track = conversation([-30, -20])
    beyond = TranscriptLine(start=60, end=61, text="invented")
    assert loudness_rises([*lines, beyond], track)[-1] == 0
    assert loudness_rises([beyond], track) == [0]
    assert loudness_rises([], track) == []
