import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.score.judge.evidence import quoted
from services.analyzer.score.judge.judgement import JudgedEvidence
from shared.domain.analysis import TranscriptLine

LINES = [
    TranscriptLine(start=0, end=2, text="Hello, good morning."),
    TranscriptLine(start=65, end=68, text="You never  listen to me, this is YOUR fault."),
    TranscriptLine(start=68, end=70, text="你是一个骗子。"),
    TranscriptLine(start=70, end=72, text="Das ist deine Schuld, du Lügner!"),
    TranscriptLine(start=72, end=74, text="And to you as well, and to you, and so on and so on, and on and on."),
]


@pytest.mark.parametrize(
    ("line", "quote", "shown"),
    [
        (1, "this is your fault", "this is YOUR fault"),
        (1, "You never listen", "You never  listen"),
        (1, "NEVER LISTEN!!", "never  listen"),
        (1, "“fault”", "fault"),
        (3, "du lugner", None),
        (3, "DU LÜGNER", "du Lügner"),
        (2, "骗子", "骗子"),
    ],
)
def test_a_quote_is_shown_as_it_stands_in_its_line(line: int, quote: str, shown: str | None) -> None:
    assert quoted(JudgedEvidence(line=line, quote=quote), LINES) == shown


@pytest.mark.parametrize(
    ("line", "quote"),
    [
        (0, "hell"),
        (0, "this is your fault"),
        (1, "I will kill you"),
        (1, "never me"),
        (1, "ever listen"),
        (1, " "),
        (1, "?!"),
        (9, "good"),
        (-1, "your fault"),
    ],
)
def test_a_quote_that_is_not_in_its_line_is_no_evidence(line: int, quote: str) -> None:
    assert quoted(JudgedEvidence(line=line, quote=quote), LINES) is None


@pytest.mark.parametrize("quote", ["you", "to", "and to you", "a", "me"])
def test_a_few_function_words_are_no_evidence(quote: str) -> None:
    assert quoted(JudgedEvidence(line=4, quote=quote), LINES) is None
    assert quoted(JudgedEvidence(line=1, quote=quote), LINES) is None


def test_one_letter_or_character_is_no_evidence() -> None:
    assert quoted(JudgedEvidence(line=2, quote="你"), LINES) is None


def test_thirteen_words_are_too_many() -> None:
    words = LINES[4].text.split()
    assert quoted(JudgedEvidence(line=4, quote=" ".join(words[:12])), LINES) is not None
    assert quoted(JudgedEvidence(line=4, quote=" ".join(words[:13])), LINES) is None


@given(text=st.text(max_size=60), quote=st.text(max_size=30))
def test_what_is_shown_is_always_a_part_of_the_line(text: str, quote: str) -> None:
    shown = quoted(JudgedEvidence(line=0, quote=quote), [TranscriptLine(start=0, end=1, text=text)])
    assert shown is None or shown in text


@given(
    words=st.lists(st.sampled_from(["liar", "THE", "don't", "café", "12", "of"]), min_size=1, max_size=12), at=st.data()
)
def test_whole_words_in_a_row_are_evidence_if_one_of_them_says_something(words: list[str], at: st.DataObject) -> None:
    first = at.draw(st.integers(0, len(words) - 1))
    last = at.draw(st.integers(first + 1, len(words)))
    said = words[first:last]
    shown = quoted(
        JudgedEvidence(line=0, quote=" ".join(said).upper()),
        [TranscriptLine(start=0, end=1, text=", ".join(words) + "!")],
    )
    telling = {"liar", "don't", "café", "12"} & set(said)
    assert (shown is not None) is (bool(telling) or len(said) >= 4)
