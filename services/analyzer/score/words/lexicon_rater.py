"""The words' rater of machines without the sentence-embedding model: a lexicon and a list of phrases."""

from collections.abc import Sequence

from services.analyzer.score.words.lexicon import line_sentiment
from services.analyzer.score.words.pieces import pieces_of
from services.analyzer.score.words.protocol import LineWords


class LexiconWords:
    """Rates each line by itself; English only, blind to whatever is hostile without hostile words."""

    name = "words-lexicon-2"

    def rate(self, lines: Sequence[str]) -> list[LineWords]:
        """Return one rating for each line, in order; never fails."""
        return [_rated(line) for line in lines]


def _rated(line: str) -> LineWords:
    sentiment = line_sentiment(line)
    quote = max(pieces_of(line), key=lambda piece: line_sentiment(piece).hostility) if sentiment.codes else ""
    return LineWords(heat=round(sentiment.hostility, 4), kinds=sentiment.codes, quote=quote)
