import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.audio.stereo import StereoComparison, StereoVerdict, the_one_channel

RATE = 16_000
Sound = NDArray[np.float64]


def noise(seconds: float, *, dbfs: float = -30.0, seed: int = 0) -> Sound:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * 10 ** (dbfs / 20)


def pcm(sound: Sound) -> NDArray[np.int16]:
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)


def verdict(left: Sound, right: Sound) -> StereoVerdict:
    comparison = StereoComparison(RATE)
    comparison.feed(pcm(left), pcm(right))
    return comparison.verdict()


def two_sides(turn_seconds: float = 1.0, turns: int = 10, *, crosstalk_db: float | None = None) -> tuple[Sound, Sound]:
    sides = np.zeros((2, round(turn_seconds * turns * RATE)))
    for turn in range(turns):
        at = round(turn * turn_seconds * RATE)
        spoken = noise(turn_seconds, seed=turn)
        sides[turn % 2, at : at + len(spoken)] = spoken
    if crosstalk_db is not None:
        sides = sides + sides[::-1] * 10 ** (crosstalk_db / 20)
    return sides[0], sides[1]


TALK = noise(4)


@pytest.mark.parametrize("gain", [1.0, 0.6, 1.8])
def test_the_same_sound_twice_is_equal_whatever_the_gain(gain: float) -> None:
    assert verdict(TALK, TALK * gain) == "equal"
    assert verdict(TALK, TALK * -gain) == "antiphase"


def test_a_steady_sound_near_silence_is_compared_all_the_same() -> None:
    soft = noise(4, dbfs=-54)
    assert verdict(soft, soft) == "equal"
    assert verdict(soft, noise(4, dbfs=-54, seed=9)) == "different"


def test_dc_and_noise_of_their_own_do_not_part_equal_channels() -> None:
    talk = np.concatenate((TALK, np.zeros(RATE), TALK))
    left, right = (talk + noise(9, dbfs=-58, seed=seed) for seed in (1, 2))
    assert verdict(left + 0.1, right - 0.2) == "equal"
    assert verdict(left + 0.1, -right) == "antiphase"


@pytest.mark.parametrize("crosstalk_db", [None, -12.0, -20.0, -40.0])
def test_two_sides_of_a_call_are_different_with_and_without_crosstalk(crosstalk_db: float | None) -> None:
    assert verdict(*two_sides(crosstalk_db=crosstalk_db)) == "different"


def test_one_answer_in_an_hour_makes_a_second_side() -> None:
    left = noise(600)
    right = left * 0.05  # crosstalk
    right[-RATE:] += noise(1, seed=7)
    assert verdict(left, right) == "different"
    alone = np.zeros_like(left)
    alone[-RATE:] = noise(1, seed=7)
    assert verdict(left, alone) == "different"


def test_music_that_is_equal_before_the_call_does_not_make_the_call_equal() -> None:
    left, right = two_sides(turns=4)
    music = noise(60, dbfs=-12)
    assert verdict(np.concatenate((music, left)), np.concatenate((music, right))) == "different"


def test_a_dead_channel_leaves_the_other() -> None:
    dead = noise(4, dbfs=-75, seed=3) + 0.3
    assert verdict(TALK, dead) == "left_only"
    assert verdict(dead, TALK) == "right_only"
    assert verdict(dead, dead) == verdict(dead[:0], dead[:0]) == "silent"
    assert [the_one_channel(said) for said in ("right_only", "antiphase", "equal", "silent", "different")] == [
        "right",
        "left",
        "left",
        "left",
        None,
    ]


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 10 * RATE), max_size=12), crosstalk_db=st.sampled_from([None, 0.0]))
def test_the_verdict_does_not_depend_on_the_amounts_fed(cuts: list[int], crosstalk_db: float | None) -> None:
    left, right = (pcm(side) for side in two_sides(crosstalk_db=crosstalk_db))
    comparison = StereoComparison(RATE)
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(left)], strict=True):
        comparison.feed(left[begin:end], right[begin:end])
    assert comparison.verdict() == ("different" if crosstalk_db is None else "equal")


def test_channels_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="same number"):
        StereoComparison(RATE).feed(np.zeros(2, np.int16), np.zeros(3, np.int16))
