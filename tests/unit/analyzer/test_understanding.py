from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.understanding import HeardPiece, Tokens, Understanding, understanding
from shared.domain.analysis import TranscriptLine


def heard(log_probability: float, *, words: int = 8, seconds: float = 3.0, tokens: int = 12) -> HeardPiece:
    return HeardPiece(1.0, 1.0 + seconds, seconds, words, Tokens(tokens, log_probability * tokens))


def decided(pieces: Sequence[HeardPiece]) -> Understanding:
    """Return the decision over a recording that begins and ends in silence."""
    return understanding(pieces, 1000.0)


ENGLISH, GERMAN = heard(-0.3), heard(-0.9)


def test_likely_words_are_understood() -> None:
    found = decided([ENGLISH] * 5)
    assert (found.foreign, found.unclear, found.partial, found.coverage) == (False, False, False, 1.0)


def test_unlikely_words_are_another_language() -> None:
    assert decided([GERMAN] * 5).foreign
    assert decided([GERMAN] * 2).foreign


def test_in_between_the_speech_counts_as_partly_understood() -> None:
    found = decided([heard(-0.55)] * 6)
    assert not found.foreign
    assert not found.unclear
    assert found.partial


@pytest.mark.parametrize("tokens", [2, 3, 8])
def test_a_few_unlikely_tokens_are_too_little_to_tell(tokens: int) -> None:
    found = decided([heard(-1.2, tokens=tokens, words=tokens)])
    assert (found.foreign, found.unclear, found.partial) == (False, True, True)


@pytest.mark.parametrize("tokens", [9, 12, 17])
def test_a_sentence_is_enough_to_tell_unless_the_recording_cuts_its_words(tokens: int) -> None:
    whole = heard(-1.2, tokens=tokens, words=tokens)
    cut, faded = replace(whole, start=0.05), replace(whole, start=0.05, loud_edges=(False, True))
    assert decided([whole]).foreign
    assert decided([faded]).foreign
    found = decided([cut])
    assert (found.foreign, found.unclear, found.partial) == (False, True, True)


def test_where_it_is_noisy_words_that_are_unlikely_are_unclear_and_very_unlikely_ones_foreign() -> None:
    assert understanding([heard(-0.75, tokens=50)], 1000.0).foreign
    hidden = understanding([heard(-0.75, tokens=50)], 1000.0, noisy=True)
    assert (hidden.foreign, hidden.unclear) == (False, True)
    assert understanding([heard(-1.2, tokens=50)], 1000.0, noisy=True).foreign


def test_seconds_of_speech_of_which_a_loop_left_a_few_unlikely_tokens_are_another_language() -> None:
    assert decided([heard(-1.7, tokens=8, seconds=7.0)]).foreign


def test_words_that_are_hardly_too_unlikely_are_called_another_language_only_if_they_are_many() -> None:
    few, many = decided([heard(-0.65, tokens=20)]), decided([heard(-0.65, tokens=20)] * 20)
    assert (few.foreign, few.unclear) == (False, True)
    assert (many.foreign, many.unclear) == (True, False)


def cut(start: float, end: float) -> HeardPiece:
    """Return English whose first word and last word are unlikely, of a recording of four seconds."""
    unlikely = Tokens(2, -4.0)
    return HeardPiece(start, end, end - start, 6, Tokens(12, -8.6), first_word=unlikely, last_word=unlikely)


@pytest.mark.parametrize(
    ("start", "end", "unclear"),
    [(0.0, 4.0, False), (0.0, 3.0, False), (1.0, 4.0, False), (1.0, 3.0, True)],
    ids=["both", "begins", "ends", "whole"],
)
def test_a_word_that_the_recording_cuts_tells_nothing(start: float, end: float, *, unclear: bool) -> None:
    assert understanding([cut(start, end)], 4.0).unclear is unclear


def test_a_recording_of_one_cut_word_is_judged_by_it() -> None:
    word = Tokens(2, -4.0)
    found = understanding([HeardPiece(0.0, 0.4, 0.4, 1, word, first_word=word, last_word=word)], 0.4)
    assert found.unclear


def test_a_stretch_in_another_language_is_strange_and_the_rest_is_not() -> None:
    pieces = [ENGLISH] * 20 + [GERMAN] * 8 + [ENGLISH] * 4
    found = decided(pieces)
    assert not found.foreign
    assert not found.unclear
    assert found.partial
    assert {21, 22, 23, 24, 25, 26} <= found.strange <= set(range(18, 31))


def test_one_unlikely_piece_among_many_is_none() -> None:
    assert decided([ENGLISH] * 20 + [GERMAN] + [ENGLISH] * 20).strange == frozenset()


def test_where_most_of_the_speech_is_strange_all_of_it_is_foreign() -> None:
    assert decided([ENGLISH] * 5 + [GERMAN] * 6).foreign


def test_speech_with_far_too_few_words_is_not_covered() -> None:
    found = decided([ENGLISH] * 4 + [heard(-0.3, words=1, tokens=2, seconds=12.0)])
    assert found.coverage == pytest.approx(0.5)
    assert found.partial


def test_a_laugh_needs_no_words() -> None:
    assert decided([ENGLISH, heard(0, words=0, tokens=0, seconds=1.5)]).coverage == 1.0


def test_without_speech_there_is_nothing_to_understand() -> None:
    found = decided([])
    assert (found.foreign, found.unclear, found.partial, found.coverage) == (False, False, False, 1.0)


def test_a_model_that_tells_no_probabilities_is_taken_to_know_the_language() -> None:
    found = decided([heard(0, tokens=0)])
    assert (found.foreign, found.unclear, found.partial) == (False, False, False)


def test_the_tokens_of_the_first_and_the_last_word_are_told_apart() -> None:
    piece = AudioPiece(2.0, bytes(64_000), ((0.25, 1.75),))
    found = HeardPiece.of(piece, Heard(log_probabilities=(-1.0, -2.0, -0.5, -4.0), edge_words=(2, 1)))
    assert (found.start, found.end) == (2.25, 3.75)
    assert (found.first_word, found.last_word) == (Tokens(2, -3.0), Tokens(1, -4.0))


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
    assert HeardPiece.of(AudioPiece(0.0, bytes(96_000), ((0.0, 3.0),)), Heard(lines=(line,))).words >= 6
