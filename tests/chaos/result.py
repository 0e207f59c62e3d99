"""What happened in a run, counted, and what must not have."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class RunResult:
    """Kills by victim, faults by kind, answers by kind; `violations` are broken promises, each in one line.

    `lost` counts acknowledged chunks that are not where they belong, `duplicates` results beyond a session's first.
    """

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    duplicates: int = 0
    violations: list[str] = field(default_factory=list)

    def violated(self, what: str) -> None:
        """Note a broken promise."""
        self.violations.append(what)


def listed(counts: Counter[str]) -> str:
    """Write counts in one line, by name."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
