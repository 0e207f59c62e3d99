"""The reasons of a local score: reason codes for programs, and quotes with their time and channel for people."""

from collections.abc import Sequence

from services.analyzer.score.fusion import LineHeat
from shared.domain.analysis import Evidence

CALMING = frozenset({"de_escalation", "apology"})
"""Kinds of words that cool a conversation."""

_MOST_EVIDENCE = 10
_NOTABLE = 0.3  # heat of a line whose kinds are reasons


def evidence(heats: Sequence[LineHeat]) -> tuple[Evidence, ...]:
    """Return the strongest evidence, ten items at most, the hottest first.

    Each kind of reason is shown once before any is shown twice.
    """
    found = [(reason, item) for item in heats for reason in _reasons(item)]
    found.sort(key=lambda pair: -pair[1].heat)
    first: list[tuple[str, LineHeat]] = []
    again: list[tuple[str, LineHeat]] = []
    for reason, item in found:
        seen = any(reason == shown for shown, _ in first)
        (again if seen else first).append((reason, item))
    return tuple(_shown(reason, item) for reason, item in (first + again)[:_MOST_EVIDENCE])


def reason_codes(heats: Sequence[LineHeat]) -> list[str]:
    """Return each reason once: what heats, the hottest first, then what cools."""
    hottest: dict[str, float] = {}
    for item in heats:
        for reason in _reasons(item):
            hottest[reason] = max(hottest.get(reason, 0.0), item.heat)
    return sorted(hottest, key=lambda reason: (reason in CALMING, -hottest[reason], reason))


def _reasons(item: LineHeat) -> list[str]:
    reasons = [kind for kind in item.words.kinds if kind in CALMING or item.heat >= _NOTABLE]
    return [*reasons, *item.sound.codes]


def _shown(reason: str, item: LineHeat) -> Evidence:
    line = item.line
    return Evidence(start=line.start, end=line.end, channel=line.channel, quote=item.words.quote, reason=reason)
