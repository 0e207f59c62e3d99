"""The reasons of a local score: reason codes for programs, and quotes with their time and channel for people."""

from collections.abc import Sequence

from services.analyzer.score.fusion import LineHeat
from shared.domain.analysis import Evidence

CALMING = frozenset({"de_escalation", "apology"})
"""Kinds of words that cool a conversation."""

_MOST_EVIDENCE = 10
_NOTABLE = 0.3  # heat of a line whose kinds are reasons
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def evidence(heats: Sequence[LineHeat]) -> tuple[Evidence, ...]:
    """Return the strongest evidence, ten items at most, the hottest first.

    A line is shown once, for its strongest reason that no hotter line is shown for, else for its strongest. Each kind
    of reason is shown once before any is shown twice.
    """
    first: list[Evidence] = []
    again: list[Evidence] = []
    for item in sorted(heats, key=lambda item: -item.heat):
        reasons = _reasons(item)
        if not reasons:
            continue
        shown = {other.reason for other in first}
        fresh = [reason for reason in reasons if reason not in shown]
        (first if fresh else again).append(_shown((fresh or reasons)[0], item))
    return tuple((first + again)[:_MOST_EVIDENCE])


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
    return Evidence(start=line.start, end=line.end, channel=line.channel, quote=_marked(item), reason=reason)


def _marked(item: LineHeat) -> str:
    """Return the quote with an ellipsis where the line's words go on."""
    quote, words = item.words.quote, " ".join(item.line.text.split())
    before, found, after = f" {words} ".partition(f" {quote} ")
    return f"{_CUT if found and before else ''}{quote}{_CUT if after else ''}"
