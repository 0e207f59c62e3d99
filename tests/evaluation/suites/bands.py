"""Level: does the temperature of a conversation lie in the band that its author expects?"""

from collections.abc import Sequence
from pathlib import Path

from tests.evaluation.dialogues import Dialogue, load, load_file
from tests.evaluation.product import Product
from tests.evaluation.result import Check, SuiteResult, share_of
from tests.evaluation.speech.studio import Studio
from tests.evaluation.suites.ladders import expectation

COUNTER_CASES = 0.8
EXTRA = 0.85


async def counter_cases(product: Product, _studio: Studio) -> SuiteResult:
    """Conversations whose words mislead: profanity among friends, quotations, news, polite blackmail."""
    dialogues = load("counter_cases")
    given = await _read(product, dialogues)
    topics = {each.topic for each in dialogues}
    misses = [each for each, temperature in zip(dialogues, given, strict=True) if not each.holds(temperature)]
    kinds = Check(
        "kinds without a miss",
        f"{len(topics - {each.topic for each in misses})} of {len(topics)}",
        "no bound",
        passed=True,
    )
    return _result(
        "counter-cases", dialogues, given, (share_of("in their band", _held(dialogues, given), COUNTER_CASES), kinds)
    )


async def single_lines(product: Product, _studio: Studio) -> SuiteResult:
    """A plain threat alone, and threats that are none."""
    dialogues = load("single_lines")
    given = await _read(product, dialogues)
    checks = tuple(
        share_of(name, _held(*_only(topic, dialogues, given)), 1)
        for topic, name in (("hot", "plain threats at 75 or more"), ("mock", "mock threats at 40 or less"))
    )
    return _result("single lines", dialogues, given, checks)


async def long_calls(product: Product, _studio: Studio) -> SuiteResult:
    """Fifty calm lines, and the same with a violent quarrel of five."""
    dialogues = load("long_calls")
    given = await _read(product, dialogues)
    checks = tuple(
        share_of(name, _held(*_only(topic, dialogues, given)), 1)
        for topic, name in (
            ("calm", "fifty calm lines at 25 or less"),
            ("quarrel", "with a violent quarrel at 45 or more"),
        )
    )
    return _result("long calls", dialogues, given, checks)


async def extra_text(product: Product, _studio: Studio, *, path: Path) -> SuiteResult:
    """A file of dialogues from elsewhere, from text."""
    dialogues = load_file(path)
    given = await _read(product, dialogues)
    check = share_of("in their band", _held(dialogues, given), EXTRA)
    return _result(f"extra, text: {path.name}", dialogues, given, (check,))


async def extra_spoken(product: Product, studio: Studio, *, path: Path, pair: str) -> SuiteResult:
    """A file of dialogues from elsewhere, spoken."""
    dialogues = load_file(path)
    given = [(await product.listen(studio.talk(each.lines, pair))).temperature for each in dialogues]
    check = share_of("in their band", _held(dialogues, given), EXTRA)
    return _result(f"extra, {pair}: {path.name}", dialogues, given, (check,))


async def _read(product: Product, dialogues: Sequence[Dialogue]) -> list[int]:
    return [(await product.read(each.lines)).temperature for each in dialogues]


def _held(dialogues: Sequence[Dialogue], given: Sequence[int]) -> list[bool]:
    return [each.holds(temperature) for each, temperature in zip(dialogues, given, strict=True)]


def _only(topic: str, dialogues: Sequence[Dialogue], given: Sequence[int]) -> tuple[list[Dialogue], list[int]]:
    chosen = [(each, temperature) for each, temperature in zip(dialogues, given, strict=True) if each.topic == topic]
    return [each for each, _ in chosen], [temperature for _, temperature in chosen]


def _result(name: str, dialogues: Sequence[Dialogue], given: Sequence[int], checks: tuple[Check, ...]) -> SuiteResult:
    pairs = list(zip(dialogues, given, strict=True))
    return SuiteResult(
        name=name,
        checks=checks,
        temperatures={each.id: temperature for each, temperature in pairs},
        worst=tuple(expectation(each, temperature) for each, temperature in pairs if not each.holds(temperature)),
    )
