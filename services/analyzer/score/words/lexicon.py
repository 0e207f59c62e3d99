"""Rates how hostile a line's words are, by a general sentiment lexicon (VADER) and our own list of phrases."""

from dataclasses import dataclass

from services.analyzer.score.words.defusing import gladness
from services.analyzer.score.words.phrases import phrase_heats

# Bad news is not hostility: "my father died" is as negative as "this is a disgrace" (both -0.6).
_NEGATIVITY_SHARE = 0.17
_NOTABLE = 0.07  # the lowest hostility that gives a reason code

NEGATIVE_WORDS = "negative_words"
"""The reason code for words that only the lexicon finds hostile."""


@dataclass(frozen=True, slots=True)
class LineSentiment:
    """Sentiment of a line's words: hostility and cheerfulness from 0 to 1, and reason codes, the hottest first."""

    hostility: float
    cheerfulness: float
    codes: tuple[str, ...] = ()


def line_sentiment(text: str) -> LineSentiment:
    """Rate one line of English by itself; its neighbours are not read."""
    sentiment = gladness(text)
    found = phrase_heats(text)
    negativity = max(0.0, -sentiment) * _NEGATIVITY_SHARE
    codes = list(found)
    if not codes and negativity >= _NOTABLE:
        codes.append(NEGATIVE_WORDS)
    return LineSentiment(max([negativity, *found.values()]), max(0.0, sentiment), tuple(codes))
