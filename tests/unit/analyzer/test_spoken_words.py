import pytest

from services.analyzer.spoken_words import located_words, spoken_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Well, I DON'T think so!", ["well", "i", "dont", "think", "so"]),
        ("I don’t", ["i", "dont"]),
        ("twenty-one", ["twenty", "one"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("soft\N{SOFT HYPHEN}ware", ["software"]),
        ("你是骗子", ["你", "是", "骗", "子"]),
        ("", []),
        ("…?! 😀", []),
    ],
)
def test_words_have_neither_case_nor_punctuation(text: str, words: list[str]) -> None:
    assert spoken_words(text) == words


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert spoken_words("caf\N{LATIN SMALL LETTER E WITH ACUTE}") == spoken_words("cafe\N{COMBINING ACUTE ACCENT}")


def test_marks_belong_to_their_word() -> None:
    assert len(spoken_words("तुम झूठ बोलते हो")) == 4


def test_a_word_knows_where_it_stands() -> None:
    text = "“You  lied”, she said."
    assert [text[item.start : item.end] for item in located_words(text)] == ["You", "lied", "she", "said"]
