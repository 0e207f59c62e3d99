"""The result of a run: counts of what happened, and the broken promises."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class RunResult:
    """Kills by process, faults and responses by kind; `violations` are broken promises, one line each.

    `lost` counts acknowledged chunks that are missing in the WAV, `duplicates` results beyond a session's first.
    """

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    responses: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    duplicates: int = 0
    violations: list[str] = field(default_factory=list)

    def violated(self, what: str) -> None:
        """Note a broken promise."""
        self.violations.append(what)


def listed(counts: Counter[str]) -> str:
    """Return counts in one line, sorted by name."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
