"""The words of a text as they are spoken: without case, punctuation and spelling variants of Unicode."""

import unicodedata
from dataclasses import dataclass

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # first words of characters' names
_APOSTROPHES = frozenset("'\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}")
_WORD_CATEGORIES = frozenset("LMN")  # letters, their marks, numbers
_FORMAT = "Cf"  # such as joiners and soft hyphens, which are inside words


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word without case and punctuation, and the characters of the text that it stands for: `text[start:end]`."""

    word: str
    start: int
    end: int


def spoken_words(text: str) -> list[str]:
    """Return the words in order; "Don't!" is `dont`. Where a script has no spaces, each character is a word."""
    return [item.word for item in located_words(text)]


def located_words(text: str) -> list[SpokenWord]:
    """Return the words in order and where each is."""
    words: list[SpokenWord] = []
    letters: list[str] = []
    start = 0

    def end_word(end: int) -> None:
        if letters:
            words.append(SpokenWord("".join(letters), start, end))
            letters.clear()

    for at, character in enumerate(text):
        if _is_silent(character):
            continue
        unspaced = _is_unspaced(character)
        if unspaced or not _is_in_word(character):
            end_word(at)
        if _is_in_word(character):
            if not letters:
                start = at
            letters.append(_folded(character))
        if unspaced:
            end_word(at + 1)
    end_word(len(text))
    return words


def _folded(character: str) -> str:
    """Return the character without case, its marks apart from it."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())


def _is_silent(character: str) -> bool:
    return character in _APOSTROPHES or unicodedata.category(character) == _FORMAT


def _is_in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in _WORD_CATEGORIES


def _is_unspaced(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith(_UNSPACED)
