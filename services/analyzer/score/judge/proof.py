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
    """What each grade counts for, and the quotes that prove something, each with the grade that it speaks for."""

    quotes: tuple[tuple[GradeName, Quote], ...]
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
    most = dict.fromkeys(GradeName, _WITHOUT_PROOF)
    proving: list[tuple[GradeName, Quote]] = []
    for name, quote in _assigned(quotes, graded):
        proves = _proves(name, heats.get(quote.line))
        most[name] = max(most[name], proves)
        if 1 <= min(graded[name], NOTABLE) <= proves:
            proving.append((name, quote))
    counted = {name: min(grade, most[name]) for name, grade in graded.items()}
    heating = {name: counted[name] for name in judgement.heating}
    return Proof(tuple(proving), heating, counted[GradeName.DEESCALATION], heating == judgement.heating)


def _proves(name: GradeName, heat: float | None) -> int:
    """Return the highest grade that a quote proves, given the heat of its line, None where no rater understands it."""
    if heat is None or name is GradeName.DEESCALATION:
        return HIGHEST_GRADE
    return bisect_right(_GRADE_HEATS, heat) + _BEYOND


def _assigned(quotes: Sequence[Quote], graded: Mapping[GradeName, int]) -> Iterable[tuple[GradeName, Quote]]:
    """Return each quote with the grade that it speaks for."""
    hottest = sorted(graded, key=lambda name: -heat_of(name, graded[name]))  # de-escalation, which has none, comes last
    named = {quote.reason for quote in quotes}
    open_ = [name for name in hottest if graded[name] >= NOTABLE and name not in named]
    for quote in quotes:
        yield quote.reason or (open_.pop(0) if open_ else hottest[0]), quote
