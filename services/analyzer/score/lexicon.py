"""Rates how hostile a line's words are, by a general sentiment lexicon (VADER) and our own list of phrases."""

import re
from dataclasses import dataclass
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from services.analyzer.score.phrases import HOSTILE

# Bad news is not hostility: "my father died" is as negative as "this is a disgrace" (both -0.6).
_NEGATIVITY_SHARE = 0.5
_NOTABLE = 0.15  # the lowest hostility that gives a reason code

NEGATIVE_WORDS = "negative_words"
"""The reason code for words that only the lexicon finds hostile."""

_NEGATION = re.compile(r"\b(?:not|never|no|nobody|isn't|aren't|wasn't|weren't|don't|didn't|won't|wouldn't)\b")
_NEGATION_REACH = 18  # characters, about three words before a phrase
_NEGATED_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class LineSentiment:
    """Sentiment of a line's words: hostility and cheerfulness from 0 to 1, and reason codes, the hottest first."""

    hostility: float
    cheerfulness: float
    codes: tuple[str, ...] = ()


def line_sentiment(text: str) -> LineSentiment:
    """Rate one line of English; VADER (Hutto & Gilbert 2014) was made for short texts, so each line is rated alone."""
    sentiment = float(_lexicon().polarity_scores(text)["compound"])
    hits = _phrases_in(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    negativity = max(0.0, -sentiment) * _NEGATIVITY_SHARE
    hostility = max([negativity, *hits.values()])
    codes = [code for code, heat in hits.items() if heat >= _NOTABLE]
    if not codes and negativity >= _NOTABLE:
        codes.append(NEGATIVE_WORDS)
    return LineSentiment(hostility, max(0.0, sentiment), tuple(codes))


def _phrases_in(text: str) -> dict[str, float]:
    """Return the heat of each kind of phrase that occurs, in the order of HOSTILE (the hottest kinds first)."""
    found: dict[str, float] = {}
    for phrases in HOSTILE:
        heats = [phrases.heat * _negation(text, match.start()) for match in phrases.pattern.finditer(text)]
        if heats:
            found[phrases.code] = max(heats)
    return found


def _negation(text: str, at: int) -> float:
    """Return the share of a phrase's heat that remains: a fifth if it is negated ("I'm not saying you're useless")."""
    return _NEGATED_SHARE if _NEGATION.search(text[max(0, at - _NEGATION_REACH) : at]) else 1.0


@cache
def _lexicon() -> SentimentIntensityAnalyzer:
    """Load the lexicon once, when it is first needed: 7,500 words in 10 ms."""
    return SentimentIntensityAnalyzer()
