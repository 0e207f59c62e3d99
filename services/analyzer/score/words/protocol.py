"""The interface of a rater of words: the lines of a conversation in, the heat of each out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LineWords:
    """What the words of one line say: their heat from 0 (cordial) to 1 (threats), and why.

    `kinds` are reason codes, the strongest first, empty for a line that is calm; `quote` is the part of the line, 12
    words at most, that speaks loudest.
    """

    heat: float
    kinds: tuple[str, ...] = ()
    quote: str = ""


class WordsRater(Protocol):
    """Rates the words of a conversation, each line in the context of its neighbours."""

    @property
    def name(self) -> str:
        """The rater's name and version, as it stands in the name of a scorer."""

    async def rate(self, lines: Sequence[str]) -> list[LineWords]:
        """Return one rating for each line, in order; raises Unavailable when another try may succeed."""
