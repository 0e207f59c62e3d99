from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analyzer.levels import frame_levels
from services.analyzer.splitter import AudioPiece, AudioSplitter
from tests.unit.analyzer.sound import silence, tone

LONGEST = 6.0


def cut(pcm: bytes, *, longest: float = LONGEST, feeds: list[int] | None = None) -> list[AudioPiece]:
    """Feed `pcm` in the given numbers of samples, then the rest at once."""
    splitter, pieces, at = AudioSplitter(longest), [], 0
    for samples in [*(feeds or []), len(pcm) // 2]:
        pieces += splitter.feed(pcm[at : at + 2 * samples])
        at += 2 * samples
    return pieces + splitter.finish()


stretches = st.lists(
    st.tuples(
        st.integers(1, 9000).map(lambda milliseconds: milliseconds / 1000), st.sampled_from([-15, -45, -59, None])
    ),
    max_size=6,
)


def sound_of(parts: list[tuple[float, int | None]]) -> bytes:
    return b"".join(silence(length) if level is None else tone(length, dbfs=level) for length, level in parts)


@settings(deadline=None, max_examples=60)
@given(parts=stretches, feeds=st.lists(st.integers(0, 60_000), max_size=8))
def test_pieces_joined_are_the_input_and_none_is_too_long(
    parts: list[tuple[float, int | None]], feeds: list[int]
) -> None:
    pcm = sound_of(parts)
    pieces = cut(pcm, feeds=feeds)
    assert b"".join(piece.pcm for piece in pieces) == pcm
    assert all(0 < piece.seconds <= LONGEST for piece in pieces)
    assert all(later.start == pytest.approx(earlier.start + earlier.seconds) for earlier, later in pairwise(pieces))
    assert all(np.array_equal(piece.levels, frame_levels(piece.pcm)) for piece in pieces)


@settings(deadline=None, max_examples=40)
@given(parts=stretches, feeds=st.lists(st.integers(0, 60_000), max_size=8))
def test_where_cuts_fall_does_not_depend_on_how_the_samples_arrive(
    parts: list[tuple[float, int | None]], feeds: list[int]
) -> None:
    pcm = sound_of(parts)
    assert [piece.start for piece in cut(pcm, feeds=feeds)] == [piece.start for piece in cut(pcm)]


def test_a_cut_falls_into_the_gap_between_two_words() -> None:
    gap = 4.8  # inside the last third of six seconds
    first, *_ = cut(tone(gap) + tone(0.4, dbfs=-50) + tone(5))
    assert gap < first.seconds < gap + 0.4


def test_a_short_dip_inside_a_word_loses_against_a_longer_gap() -> None:
    first, *_ = cut(tone(4.2) + tone(0.04, dbfs=-55) + tone(0.76) + tone(0.4, dbfs=-50) + tone(5))
    assert 5.0 < first.seconds < 5.4


def test_steady_noise_is_cut_as_late_as_may_be() -> None:
    first, *_ = cut(tone(10))
    assert 5.7 < first.seconds <= 6.0


def test_a_long_silence_becomes_a_piece_of_its_own_with_a_margin_left_around_the_speech() -> None:
    before, pause, after = cut(tone(2) + silence(5.5) + tone(2), longest=28)
    assert [piece.silent for piece in (before, pause, after)] == [False, True, False]
    assert before.seconds == pytest.approx(2.3)
    assert after.start == pytest.approx(7.2)


def test_a_short_silence_stays_inside_its_piece() -> None:
    assert len(cut(tone(2) + silence(4) + tone(2), longest=28)) == 1


def test_silence_at_both_ends_is_left_out() -> None:
    pieces = cut(silence(6) + tone(1) + silence(6), longest=28)
    assert [piece.silent for piece in pieces] == [True, False, True]
    assert pieces[1].seconds == pytest.approx(1.6)


@pytest.mark.parametrize("sound", [silence(3), tone(3, dbfs=-65), silence(1) + tone(0.05) + silence(1)])
def test_nothing_clicks_and_line_noise_count_as_silence(sound: bytes) -> None:
    assert all(piece.silent for piece in cut(sound))


def test_soft_speech_does_not_count_as_silence() -> None:
    assert not any(piece.silent for piece in cut(tone(1, dbfs=-50)))


def test_no_samples_make_no_piece() -> None:
    assert cut(b"") == []


def test_a_longest_piece_no_longer_than_a_pause_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="longest_seconds"):
        AudioSplitter(5.0)
