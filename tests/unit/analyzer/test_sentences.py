from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.transcribe.sentences import Sentence, Word, sentences

SPEECH = [(0.2, 2.0), (2.6, 5.0)]


def words(text: str) -> list[Word]:
    return [Word(word, (-0.1,)) for word in text.split()]


def texts(found: list[Sentence]) -> list[str]:
    return [" ".join(word.text for word in sentence.words) for sentence in found]


def test_a_sentence_ends_in_the_gap_near_its_estimated_end() -> None:
    first, second = sentences(words("I am at the door. Please open it for me now."), SPEECH)
    assert (first.start, first.end) == (0.2, 2.0)
    assert (second.start, second.end) == (2.6, 5.0)


def test_without_a_gap_nearby_speech_is_shared_by_letters() -> None:
    first, second = sentences(words("One two three four. Five six seven eight."), [(1.0, 5.0)])
    assert first.end == second.start == pytest.approx(3.0, abs=0.15)


def test_a_sentence_of_one_or_two_words_stays_with_its_neighbour() -> None:
    assert texts(sentences(words("No. I will not go. Never."), SPEECH)) == ["No. I will not go. Never."]
    assert len(sentences(words("I will not go. Not today. You can not make me."), SPEECH)) == 2


def test_no_words_make_no_sentence() -> None:
    assert sentences([], SPEECH) == []


spans = st.lists(st.integers(1, 40), min_size=2, max_size=12).map(
    lambda steps: [
        (start / 10, end / 10)
        for start, end in zip(
            [sum(steps[: n + 1]) for n in range(0, len(steps) - 1, 2)],
            [sum(steps[: n + 2]) for n in range(0, len(steps) - 1, 2)],
            strict=True,
        )
    ]
)


@given(text=st.lists(st.sampled_from(["word", "end.", "a", "what?", "unbelievable"]), max_size=40), speech=spans)
def test_sentences_hold_all_words_in_order_and_never_overlap(
    text: list[str], speech: list[tuple[float, float]]
) -> None:
    found = sentences(words(" ".join(text)), speech)
    assert [word.text for sentence in found for word in sentence.words] == text
    assert all(speech[0][0] <= item.start <= item.end <= speech[-1][1] for item in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
