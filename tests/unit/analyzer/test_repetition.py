import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.transcribe.repetition import is_loop, without_loops


def trimmed(text: str) -> str:
    return " ".join(without_loops(text.split(), lambda word: word))


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("I just want to do it. " * 9 + "I just want", "I just want to do it."),
        ("Well, " + "the market is not good. The market " * 6 + "is", "Well, the market is not good. The market is"),
        ("twelve " * 12, "twelve"),
        ("Go on, and and and and and and then he left", "Go on, and then he left"),
        ("Thank you. Thank you! thank you, Thank you.", "Thank you."),
    ],
)
def test_a_phrase_that_comes_again_and_again_is_kept_once(heard: str, kept: str) -> None:
    assert trimmed(heard) == kept


@pytest.mark.parametrize(
    "said", ["No, no, no, no!", "Go away, go away, go away!", "It was the best of times, it was the worst of times", ""]
)
def test_what_people_do_repeat_is_left_alone(said: str) -> None:
    assert trimmed(said) == said


@given(words=st.lists(st.sampled_from("abc"), max_size=60))
def test_no_word_comes_five_times_in_a_row(words: list[str]) -> None:
    kept = without_loops(words, lambda word: word)
    assert not any(len(set(kept[at : at + 5])) == 1 for at in range(len(kept) - 4))


@given(words=st.lists(st.integers(0, 10_000).map(str), max_size=60, unique=True))
def test_words_that_differ_are_all_kept(words: list[str]) -> None:
    assert without_loops(words, lambda word: word) == words


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("the first one is the first one the second one is the first one the second one is the first", True),
        ("no no no no", False),
        ("give me my money give me my money give me my money", False),
        ("I told you on Monday and I told you on Friday that I want my money back and I want it now", False),
    ],
)
def test_a_few_words_in_changing_order_are_a_loop(text: str, *, loop: bool) -> None:
    assert is_loop(text.split()) is loop
