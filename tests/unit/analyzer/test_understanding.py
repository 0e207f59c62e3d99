import pytest

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.understanding import HeardPiece, understanding
from shared.domain.analysis import TranscriptLine


def heard(log_probability: float, *, words: int = 8, seconds: float = 3.0, tokens: int = 12) -> HeardPiece:
    return HeardPiece(seconds, words, tokens, log_probability * tokens)


ENGLISH, GERMAN = heard(-0.3), heard(-0.9)


def test_likely_words_are_understood() -> None:
    found = understanding([ENGLISH] * 5)
    assert (found.foreign, found.partial, found.coverage) == (False, False, 1.0)


def test_unlikely_words_are_another_language() -> None:
    assert understanding([GERMAN] * 5).foreign
    assert understanding([GERMAN]).foreign


def test_in_between_the_speech_counts_as_partly_understood() -> None:
    found = understanding([heard(-0.57)] * 6)
    assert not found.foreign
    assert found.partial


@pytest.mark.parametrize("tokens", [2, 3])
def test_a_few_unlikely_tokens_are_not_yet_another_language(tokens: int) -> None:
    assert not understanding([heard(-0.75, tokens=tokens, words=tokens)]).foreign


def test_a_stretch_in_another_language_is_strange_and_the_rest_is_not() -> None:
    pieces = [ENGLISH] * 20 + [GERMAN] * 8 + [ENGLISH] * 4
    found = understanding(pieces)
    assert not found.foreign
    assert found.partial
    assert {21, 22, 23, 24, 25, 26} <= found.strange <= set(range(18, 31))


def test_one_unlikely_piece_among_many_is_none() -> None:
    assert understanding([ENGLISH] * 20 + [GERMAN] + [ENGLISH] * 20).strange == frozenset()


def test_where_most_of_the_speech_is_strange_all_of_it_is_foreign() -> None:
    assert understanding([ENGLISH] * 5 + [GERMAN] * 6).foreign


def test_speech_with_far_too_few_words_is_not_covered() -> None:
    found = understanding([ENGLISH] * 4 + [heard(-0.3, words=1, tokens=2, seconds=12.0)])
    assert found.coverage == pytest.approx(0.5)
    assert found.partial


def test_a_laugh_needs_no_words() -> None:
    assert understanding([ENGLISH, heard(0, words=0, tokens=0, seconds=1.5)]).coverage == 1.0


def test_without_speech_there_is_nothing_to_understand() -> None:
    found = understanding([])
    assert (found.foreign, found.partial, found.coverage) == (False, False, 1.0)


def test_a_model_that_tells_no_probabilities_is_taken_to_know_the_language() -> None:
    found = understanding([heard(0, tokens=0)])
    assert (found.foreign, found.partial) == (False, False)


def test_words_of_an_unlikely_line_do_not_cover_speech() -> None:
    line = TranscriptLine(start=0, end=3, text="a force would use the attention view")
    piece = AudioPiece(0.0, bytes(96_000), ((0.0, 3.0),))
    sure, unsure = (
        HeardPiece.of(piece, Heard(lines=(line,), confidences=(value,), log_probabilities=(-0.1,)))
        for value in (0.7, 0.3)
    )
    assert (sure.words, unsure.words) == (7, 0)
    believed = HeardPiece.of(piece, Heard(lines=(line,), confidences=(0.3,)))
    assert believed.words == 7


def test_signs_of_a_script_without_spaces_count_as_words() -> None:
    line = TranscriptLine(start=0, end=3, text="我昨天买的电视今天就坏了。")
    assert HeardPiece.of(AudioPiece(0.0, b"", ()), Heard(lines=(line,))).words >= 6
