from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.score.fusion import LineHeat, line_heats
from services.analyzer.score.sound.protocol import LineSound
from services.analyzer.score.words.protocol import LineWords
from shared.domain.analysis import TranscriptLine

share = st.floats(0, 1)


def heat_of(words: float, arousal: float, *, interrupts: bool = False) -> float:
    line = TranscriptLine(start=0, end=2, text="as it was said")
    heats = line_heats([line], [LineWords(words)], [LineSound(arousal)], {0} if interrupts else set())
    return heats[0].heat


@given(words=share, arousal=share)
def test_a_heat_is_a_share_and_no_less_than_that_of_the_words(words: float, arousal: float) -> None:
    assert words <= heat_of(words, arousal) <= heat_of(words, arousal, interrupts=True) <= 1


@given(words=share, hotter=share, arousal=share, louder=share)
def test_hotter_words_and_more_aroused_voices_are_never_colder(
    words: float, hotter: float, arousal: float, louder: float
) -> None:
    more = heat_of(max(words, hotter), max(arousal, louder))
    assert more >= heat_of(words, arousal) - 1e-9


def test_a_shout_makes_calm_words_warm_and_hot_words_hotter_by_more() -> None:
    joy, quarrel = heat_of(0.05, 1.0) - 0.05, heat_of(0.5, 1.0) - 0.5
    assert 0.1 < joy < quarrel


def test_a_line_without_words_counts_as_one_word() -> None:
    assert LineHeat(TranscriptLine(start=0, end=1, text=""), LineWords(0), LineSound(), 0.0).word_count == 1
