from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.score.fusion import LineFeatures, confidence, line_heat, temperature

share = st.floats(0, 1)
line = st.builds(LineFeatures, words=st.integers(0, 40), hostility=share, cheerfulness=share, rise=st.floats(0, 40))
lines = st.lists(line, min_size=1, max_size=30)

CALM = LineFeatures(words=10, hostility=0.0, cheerfulness=0.3, rise=2.0)
SHOUTED_THREAT = LineFeatures(words=10, hostility=1.0, cheerfulness=0.0, rise=20.0)


@given(lines=lines)
def test_a_temperature_is_always_on_the_scale(lines: list[LineFeatures]) -> None:
    assert 1 <= temperature(lines) <= 100


def test_the_ends_of_the_scale_are_reached() -> None:
    assert temperature([CALM] * 5) == 1
    assert temperature([SHOUTED_THREAT] * 5) == 100


@given(lines=lines, data=st.data(), more=share, louder=st.floats(0, 20))
def test_more_hostile_or_louder_lines_are_never_colder(
    lines: list[LineFeatures], data: st.DataObject, more: float, louder: float
) -> None:
    before = temperature(lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    chosen = lines[at]
    lines[at] = replace(chosen, hostility=min(1.0, chosen.hostility + more), rise=chosen.rise + louder)
    assert temperature(lines) >= before


@given(lines=lines)
def test_loudness_without_hostile_words_stays_below_the_middle(lines: list[LineFeatures]) -> None:
    assert temperature([replace(item, hostility=0.0) for item in lines]) <= 55


@given(line=line, happier=share)
def test_cheerful_loudness_counts_less(line: LineFeatures, happier: float) -> None:
    assert line_heat(replace(line, cheerfulness=happier * line.cheerfulness)) >= line_heat(line)


def test_one_outburst_in_a_long_calm_call_is_seen() -> None:
    assert temperature([CALM] * 50 + [SHOUTED_THREAT] + [CALM] * 50) > temperature([CALM] * 101) + 5


def test_an_outburst_at_the_end_counts_more_than_one_that_was_made_up() -> None:
    assert temperature([CALM] * 9 + [SHOUTED_THREAT]) > temperature([SHOUTED_THREAT] + [CALM] * 9)


@given(lines=lines, seconds=st.floats(0, 10_000))
def test_confidence_is_a_share_and_none_without_words(lines: list[LineFeatures], seconds: float) -> None:
    assert 0 <= confidence(lines, seconds) <= 1
    assert confidence([replace(item, words=0) for item in lines], seconds) == 0


def test_confidence_grows_with_speech_and_falls_when_words_are_missing() -> None:
    minute = [CALM] * 12
    assert confidence(minute, 60) > confidence(minute[:3], 15)
    assert confidence(minute, 60) > confidence(minute[:3], 60)
