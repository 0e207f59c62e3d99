"""What a suite found: checks with their bounds, the temperature of each case, and the worst cases in words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Check:
    """One bound: what was measured, what was to be reached, and whether it was."""

    name: str
    got: str
    bound: str
    passed: bool


def at_least(name: str, got: float, bound: float) -> Check:
    """Return the check of a number that may not be lower."""
    return Check(name, f"{got:.2f}", f"≥ {bound:.2f}", got >= bound)


def share_of(name: str, passed: Sequence[bool], bound: float) -> Check:
    """Return the check of how many cases passed."""
    reached = bool(passed) and sum(passed) >= bound * len(passed)
    return Check(name, f"{sum(passed)} of {len(passed)}", "all" if bound == 1 else f"≥ {bound:.0%}", reached)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """A suite's name and what it found; `temperatures` by the id of the case."""

    name: str
    checks: tuple[Check, ...]
    temperatures: Mapping[str, int] = field(default_factory=dict)
    worst: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """All suites of a run, and what was measured: the scorer's and the transcriber's names, the commit."""

    scorer: str
    commit: str
    suites: tuple[SuiteResult, ...]

    def suite(self, name: str) -> SuiteResult | None:
        """Return a suite's result, None if it did not run."""
        return next((suite for suite in self.suites if suite.name == name), None)


def save(run: RunResult, path: Path) -> None:
    """Write a run as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(run), ensure_ascii=False, indent=1) + "\n")


def load_run(path: Path) -> RunResult:
    """Read a run that `save` wrote."""
    content = json.loads(path.read_text())
    suites = tuple(
        SuiteResult(
            name=suite["name"],
            checks=tuple(Check(**check) for check in suite["checks"]),
            temperatures=suite["temperatures"],
            worst=tuple(suite["worst"]),
        )
        for suite in content["suites"]
    )
    return RunResult(scorer=content["scorer"], commit=content["commit"], suites=suites)


def merged(earlier: RunResult, later: RunResult) -> RunResult:
    """Return the later run with the suites of an earlier one of the same scorer that it did not run."""
    if earlier.scorer != later.scorer:
        return later
    again = {suite.name: suite for suite in later.suites}
    kept = tuple(again.pop(suite.name, suite) for suite in earlier.suites)
    return RunResult(scorer=later.scorer, commit=later.commit, suites=(*kept, *again.values()))
