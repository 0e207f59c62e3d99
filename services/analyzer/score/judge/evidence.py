"""Checks a language model's evidence: the quote must be in the line that it names, and must say something."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.analyzer.score.english import FUNCTION_WORDS
from services.analyzer.score.judge.judgement import GradeName, JudgedEvidence
from services.analyzer.spoken_words import located_words, spoken_words
from shared.domain.analysis import TranscriptLine

_LONGEST_QUOTE = 12  # words
_LONGEST_TEXT = 200  # characters: 12 long words, or a line in a script without spaces
_TELLING = 4  # words from which on a quote says something even if each of them is a function word

# Words that are in any conversation, of the languages that are spoken most on such calls.
_FUNCTION_WORDS = FUNCTION_WORDS | frozenset(
    spoken_words("""
    als am auch auf aus bei das dass dem den der des die du ein eine er es für hat ich ihr im ist man mit sie sind und
    von war was wir zu
    au aux ce ces dans de des elle en est et il je la le les lui mais ne nous on ou où par pour que qui sa se ses son
    sur tu un une vous
    al con da del della di e ed el ella gli ho le lo los mi nos o para per por però se si sono su sus te ti una uno y yo
    """)
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote that holds: its line's number, its text as it stands there, and the grade that it names, if any."""

    line: int
    text: str
    reason: GradeName | None


def holding(evidence: Sequence[JudgedEvidence], lines: Sequence[TranscriptLine]) -> list[Quote]:
    """Return the quotes that hold, in order."""
    texts = [(item, quoted(item, lines)) for item in evidence]
    return [Quote(item.line, text, item.reason) for item, text in texts if text is not None]


def quoted(item: JudgedEvidence, lines: Sequence[TranscriptLine]) -> str | None:
    """Return what was quoted, as it stands in the line, or None for a quote that is no evidence.

    Evidence is whole words of the line that it names, 12 at most, compared without case and punctuation, and not just
    a letter or function words.
    """
    if len(item.quote) > _LONGEST_TEXT or len(item.quote.split()) > _LONGEST_QUOTE or not 0 <= item.line < len(lines):
        return None
    text = lines[item.line].text
    quote, line = spoken_words(item.quote), located_words(text)
    words = [item.word for item in line]
    size = len(quote)
    for start in range(len(words) - size + 1) if _says_something(quote) else ():
        if words[start : start + size] == quote:
            return text[line[start].start : line[start + size - 1].end]
    return None


def _says_something(quote: Sequence[str]) -> bool:
    if len(quote) >= _TELLING:
        return True
    return any(word not in _FUNCTION_WORDS and len(word) > 1 for word in quote) or _is_unspaced(quote)


def _is_unspaced(quote: Sequence[str]) -> bool:
    """Whether the quote is two characters or more of a script without spaces, each of which counts as a word."""
    return len(quote) > 1 and all(len(word) == 1 and not word.isascii() for word in quote)
