"""Order: do ladders of five steps of escalation come out in their order?"""

from collections.abc import Mapping, Sequence

from tests.evaluation.dialogues import Dialogue, load
from tests.evaluation.metrics import inversions, kendall, share, spearman
from tests.evaluation.product import Product
from tests.evaluation.result import Check, SuiteResult, at_least
from tests.evaluation.speech.studio import Studio

_TAU = 0.9
_TAU_SPOKEN = 0.8
_SPEARMAN = 0.88
_WORST = 8
_TOPICS = {"kokoro": ("cake", "choir", "exam", "garage", "house", "taxi")}  # a second of it costs a second of a core

Ladders = Mapping[str, Mapping[int, int]]
"""The temperature of each step, by topic."""


async def text(product: Product, _studio: Studio) -> SuiteResult:
    """Ladders from text."""
    dialogues = load("ladders")
    return _result("ladders: text", dialogues, [(await product.read(each.lines)).temperature for each in dialogues])


async def spoken(product: Product, studio: Studio, *, pair: str) -> SuiteResult:
    """Ladders spoken by a pair of voices; hot lines are louder, as their `gain` says."""
    dialogues = [each for each in load("ladders") if pair not in _TOPICS or each.topic in _TOPICS[pair]]
    given = [(await product.listen(studio.talk(each.lines, pair))).temperature for each in dialogues]
    return _result(f"ladders: {pair}", dialogues, given, tau=_TAU_SPOKEN)


def by_topic(temperatures: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """Return the ladders of a suite's temperatures."""
    ladders: dict[str, dict[int, int]] = {}
    for identifier, temperature in temperatures.items():
        topic, step = identifier.rsplit("-", 1)
        ladders.setdefault(topic, {})[int(step)] = temperature
    return ladders


def _result(name: str, dialogues: Sequence[Dialogue], given: Sequence[int], *, tau: float = _TAU) -> SuiteResult:
    temperatures = {each.id: temperature for each, temperature in zip(dialogues, given, strict=True)}
    ladders = by_topic(temperatures)
    taus = [kendall(sorted(steps), [steps[step] for step in sorted(steps)]) for steps in ladders.values()]
    wrong = [f"{topic}: step {a} above {b}" for topic, steps in ladders.items() for a, b in inversions(steps)]
    held = [each.holds(temperatures[each.id]) for each in dialogues]
    off = sorted(dialogues, key=lambda each: -_distance(each, temperatures[each.id]))
    return SuiteResult(
        name=name,
        checks=(
            at_least("mean Kendall τ of a ladder", sum(taus) / len(taus), tau),
            Check("inversions two or more steps apart", str(len(wrong)), "0", not wrong),
            at_least("Spearman ρ over all steps", spearman([each.step for each in dialogues], given), _SPEARMAN),
            Check("in their band", f"{share(held):.0%}", "no bound", passed=True),
        ),
        temperatures=temperatures,
        worst=tuple(
            wrong
            + [
                expectation(each, temperatures[each.id])
                for each in off[:_WORST]
                if not each.holds(temperatures[each.id])
            ]
        ),
    )


def expectation(dialogue: Dialogue, temperature: int) -> str:
    """Return what was expected of a case and what came, in words."""
    low, high = dialogue.band
    return f"{dialogue.id}: {temperature}, expected {low} to {high}"


def _distance(dialogue: Dialogue, temperature: int) -> int:
    low, high = dialogue.band
    return max(low - temperature, temperature - high, 0)
