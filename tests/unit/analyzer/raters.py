"""Raters of words without a process of their own."""

from collections.abc import Sequence
from functools import cache

from services.analyzer.score.local import LocalScorer
from services.analyzer.score.temperature import Thermometer
from services.analyzer.score.words.model import WordsCore, load_words_model
from services.analyzer.score.words.protocol import LineWords


class InProcessRater:
    """Rates with a core that is loaded in this process."""

    def __init__(self, core: WordsCore) -> None:
        self._core = core
        self.name = core.name

    async def rate(self, lines: Sequence[str]) -> list[LineWords]:
        return self._core.rate(lines)


@cache
def words_model() -> WordsCore:
    return load_words_model()


def local_scorer(*, voices: bool = True, core: WordsCore | None = None) -> LocalScorer:
    """The local scorer with the words' model, or another core."""
    return LocalScorer(InProcessRater(core or words_model()), Thermometer(), voices=voices)
