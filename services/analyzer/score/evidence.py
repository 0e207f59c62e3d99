"""The reasons of a local score: reason codes for programs, and quotes with their time and channel for people."""

from collections.abc import Sequence

from services.analyzer.score.fusion import LineHeat
from shared.domain.analysis import Evidence

CALMING = frozenset({"de_escalation", "apology"})
"""Kinds of words that cool a conversation."""

INTERRUPTIONS = "interruptions"
"""The reason of a line that took the word from another side."""

_MOST_EVIDENCE = 10
_NOTABLE = 0.3  # heat of a line whose kinds are reasons


def evidence(heats: Sequence[LineHeat]) -> tuple[Evidence, ...]:
    """Return the strongest evidence, ten items at most: first one for each reason code, in the codes' order.

    A code is shown by the hottest line of which it is the strongest reason, or else by the hottest that has it. Lines
    that are left, the hottest first, then each show their strongest reason.
    """
    ordered = sorted(heats, key=lambda item: -item.heat)
    shown = [(code, _line_for(code, ordered)) for code in reason_codes(heats)]
    there = {item.line for _, item in shown}
    shown += [(reasons[0], item) for item in ordered if item.line not in there and (reasons := _reasons(item))]
    return tuple(_evidence(code, item) for code, item in shown[:_MOST_EVIDENCE])


def reason_codes(heats: Sequence[LineHeat]) -> list[str]:
    """Return each reason once: what heats, the hottest and strongest first, then what cools."""
    rank: dict[str, tuple[float, int]] = {}
    for item in heats:
        for place, reason in enumerate(_reasons(item)):
            rank[reason] = min(rank.get(reason, (0.0, place)), (-item.heat, place))
    return sorted(rank, key=lambda reason: (reason in CALMING, rank[reason], reason))


def _line_for(code: str, ordered: Sequence[LineHeat]) -> LineHeat:
    having = [item for item in ordered if code in _reasons(item)]
    return next((item for item in having if _reasons(item)[0] == code), having[0])


def _reasons(item: LineHeat) -> list[str]:
    """Return the reasons that a line is, the strongest first."""
    reasons = [kind for kind in item.words.kinds if kind in CALMING or item.heat >= _NOTABLE]
    return [*reasons, *item.sound.codes, *([INTERRUPTIONS] if item.interrupts else [])]


def _evidence(reason: str, item: LineHeat) -> Evidence:
    line = item.line
    return Evidence(start=line.start, end=line.end, channel=line.channel, quote=item.words.quote, reason=reason)
