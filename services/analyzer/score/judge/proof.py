"""How much of a judgement is proven: each grade by the quotes that speak for it, each quote by what its line says.

A quote is real if it is in the transcript; whether it is a reason is another question. "Thank you for calling" is no
hostility, whoever says so. So a quote proves one grade more than the local words' rater finds in its line, in the
context of the lines around it: enough for what that rater misses in part, and nothing for what it knows to be calm.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.analyzer.score.judge.evidence import Quote
from services.analyzer.score.judge.judgement import HIGHEST_GRADE, NOTABLE, GradeName, Judgement
from services.analyzer.score.judge.scale import heat_of, temperature_of

_GRADE_HEATS = (0.20, 0.30, 0.50, 0.70)  # heat of a line (0 to 1) from which on it has grade 1, 2, 3, 4
_BEYOND = 1  # how many grades more than that a quote proves
_WITHOUT_PROOF = NOTABLE - 1  # the highest grade that counts without a quote


@dataclass(frozen=True, slots=True)
class Proof:
    """The quotes, each with the grade that it speaks for, and what each grade counts for."""

    quotes: tuple[tuple[GradeName, Quote], ...]
    quoted: frozenset[GradeName]
    heating: Mapping[GradeName, int]
    deescalation: int
    complete: bool

    @property
    def temperature(self) -> int:
        """The temperature of what is proven."""
        return temperature_of(self.heating, self.deescalation)


def prove(judgement: Judgement, quotes: Sequence[Quote], heats: Mapping[int, float]) -> Proof:
    """Return what `quotes` prove; `heats` has the heat of each line that the local rater understands.

    A grade of 2 or more without a quote counts 1. A quote that names no grade speaks for one: the hottest that has no
    quote yet.
    """
    graded = {name: judgement.grade(name) for name in GradeName}
    assigned = tuple(_assigned(quotes, graded))
    most = dict.fromkeys(GradeName, _WITHOUT_PROOF)
    for name, quote in assigned:
        heat = heats.get(quote.line) if name is not GradeName.DEESCALATION else None
        most[name] = max(most[name], HIGHEST_GRADE if heat is None else bisect_right(_GRADE_HEATS, heat) + _BEYOND)
    counted = {name: min(grade, most[name]) for name, grade in graded.items()}
    heating = {name: counted[name] for name in judgement.heating}
    return Proof(
        quotes=assigned,
        quoted=frozenset(name for name, _ in assigned),
        heating=heating,
        deescalation=counted[GradeName.DEESCALATION],
        complete=heating == judgement.heating,
    )


def _assigned(quotes: Sequence[Quote], graded: Mapping[GradeName, int]) -> Iterable[tuple[GradeName, Quote]]:
    """Return each quote with the grade that it speaks for."""
    hottest = sorted(graded, key=lambda name: -heat_of(name, graded[name]))  # de-escalation, which has none, comes last
    named = {quote.reason for quote in quotes}
    open_ = [name for name in hottest if graded[name] >= NOTABLE and name not in named]
    for quote in quotes:
        yield quote.reason or (open_.pop(0) if open_ else hottest[0]), quote
