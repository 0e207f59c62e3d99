"""Calls with a side a channel: the analysis of each side against what was synthesised."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from tests.evaluation.dialogues import load
from tests.evaluation.product import Product, Reading
from tests.evaluation.result import Check, SuiteResult
from tests.evaluation.speech.studio import SpokenLine, Studio

_PAIR = "joe"
_TALK_TOLERANCE = 0.2  # of a side's seconds: what counts as the end of a word is a matter of taste
_OVERLAP_TOLERANCE = 1.0  # seconds
_LEAST_OVERLAP = 0.3  # seconds that make an interruption of two lines that meet


@dataclass(frozen=True, slots=True)
class ExpectedSide:
    """What was synthesised on one side: seconds of talk, and how often it began while the other spoke on."""

    talk: float
    interruptions: int


async def two_channel_calls(product: Product, studio: Studio) -> SuiteResult:
    """Talk, overlap and interruptions of both sides of calls whose times are known."""
    checks: list[Check] = []
    temperatures: dict[str, int] = {}
    for dialogue in load("two_channel_calls"):
        samples, spoken = studio.call(dialogue.lines, _PAIR)
        reading = await product.listen(samples)
        temperatures[dialogue.id] = reading.temperature
        low, high = dialogue.band
        checks.append(
            Check(
                f"{dialogue.id}: temperature",
                str(reading.temperature),
                f"{low} to {high}",
                dialogue.holds(reading.temperature),
            )
        )
        checks += _sides(dialogue.id, reading, spoken)
    worst = tuple(f"{check.name}: {check.got}, expected {check.bound}" for check in checks if not check.passed)
    return SuiteResult(name="two-channel calls", checks=tuple(checks), temperatures=temperatures, worst=worst)


def expected_side(spoken: Sequence[SpokenLine], speaker: str) -> ExpectedSide:
    """Return what one side does in a call of known times."""
    own = [line for line in spoken if line.line.speaker == speaker]
    others = [line for line in spoken if line.line.speaker != speaker]
    interruptions = sum(any(other.start < line.start < other.end - _LEAST_OVERLAP for other in others) for line in own)
    return ExpectedSide(sum(line.end - line.start for line in own), interruptions)


def overlap(spoken: Sequence[SpokenLine]) -> float:
    """Return the seconds in which both sides speak."""
    return sum(
        max(0.0, min(one.end, other.end) - max(one.start, other.start))
        for one, other in combinations(spoken, 2)
        if one.line.speaker != other.line.speaker
    )


def _sides(name: str, reading: Reading, spoken: Sequence[SpokenLine]) -> list[Check]:
    if reading.channels is None:
        return []
    checks = [Check(f"{name}: channels", str(len(reading.channels)), "2", len(reading.channels) == 2)]
    both = overlap(spoken)
    for channel, speaker in zip(reading.channels, "ab", strict=False):
        expected = expected_side(spoken, speaker)
        talk, together = float(channel["talk_seconds"]), float(channel["overlap_seconds"])
        side = f"{name}, {channel['name']}"
        checks += [
            Check(
                f"{side}: talk",
                f"{talk:.1f} s",
                f"{expected.talk:.1f} s ± {_TALK_TOLERANCE:.0%}",
                abs(talk - expected.talk) <= _TALK_TOLERANCE * expected.talk,
            ),
            Check(
                f"{side}: overlap",
                f"{together:.1f} s",
                f"{both:.1f} s ± {_OVERLAP_TOLERANCE}",
                abs(together - both) <= _OVERLAP_TOLERANCE,
            ),
            Check(
                f"{side}: interruptions",
                str(channel["interruptions"]),
                str(expected.interruptions),
                channel["interruptions"] == expected.interruptions,
            ),
        ]
    return checks
