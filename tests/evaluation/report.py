"""Writes the report: what was reached before and after, what fails, and the worst cases."""

from collections.abc import Iterator, Sequence

from tests.evaluation.dialogues import load
from tests.evaluation.result import Check, RunResult, SuiteResult
from tests.evaluation.suites.ladders import by_topic

PICTURE = "ladders.png"
_INTRODUCTION = """# Evaluation of the temperature

`make eval` writes this page. It says in which order conversations come and on which level. It says nothing about how
people would rate them, since no person did: texts, steps and bands are by the hands that wrote the scorer, and the
score is **uncalibrated**. The texts are in `tests/evaluation/texts`; no training sees them, and a test compares.

Speech is made at test time, without a network, by voices from PyPI wheels: two of eSpeak NG (`espeak`), Piper's joe
with a third of eSpeak NG (`joe`), two of Kokoro-82M (`kokoro`). Synthetic speech is clear and has no feelings: a
raised voice is a gain on the hot lines, nothing more. What may be claimed is in
[ADR 24](../adr/0024-what-the-evaluation-claims.md).
"""
_WORST = 12
_README = (  # suite, the check's name, what a reader of the README calls it
    ("ladders: text", "mean Kendall τ of a ladder", "order of ladders of escalation, from text (mean Kendall τ)"),
    ("ladders: espeak", "mean Kendall τ of a ladder", "the same, spoken by eSpeak NG"),
    ("ladders: joe", "mean Kendall τ of a ladder", "the same, spoken by Piper's joe"),
    ("ladders: kokoro", "mean Kendall τ of a ladder", "the same, spoken by Kokoro"),
    ("counter-cases", "in their band", "misleading words (quotations, banter, news, polite threats) in their band"),
    ("single lines", "plain threats at 75 or more", "a plain threat alone at 75 or more"),
    ("long calls", "with a violent quarrel at 45 or more", "fifty calm lines with a quarrel of five at 45 or more"),
    ("invariance", "at most 2 points off", "codecs, gain, silence, speed: at most 2 points off"),
    ("noise", "at 20 dB at most 8 points off", "noise 20 dB below speech: at most 8 points off"),
    ("other languages", "not scored, and said so", "other languages are not scored"),
    (
        "injections",
        "text: at most 5 points off",
        "orders to a judge within a call: at most 5 points off",
    ),
)


def report(before: RunResult, after: RunResult) -> str:
    """Return the report in Markdown."""
    reached = [check for suite in after.suites for check in suite.checks if _is_bound(check)]
    failed = sum(not check.passed for check in reached)
    return "\n".join(
        [
            _INTRODUCTION,
            f"Before: `{before.scorer}` at {before.commit}. After: `{after.scorer}` at {after.commit}.",
            f"After, {len(reached) - failed} of {len(reached)} bounds are reached, {failed} fail.",
            "",
            "## Bounds",
            "",
            *_bounds(before, after),
            "",
            "## Ladders",
            "",
            "Five steps a topic, from cordial (1) to violent (5); the bands behind the lines are those that the author",
            "expects.",
            "",
            f"![Temperatures of each ladder before and after]({PICTURE})",
            "",
            *_ladders(before, after),
            "",
            "## Counter-cases",
            "",
            *_counter_cases(before, after),
            "",
            "## The worst cases, after",
            "",
            *_worst(after),
            "",
        ]
    )


def readme_lines(before: RunResult, after: RunResult) -> list[str]:
    """Return the table for the README."""
    rows = []
    for suite, name, words in _README:
        found = _check(after, suite, name)
        if found is not None:
            rows.append(f"| {words} | {found.bound} | {_got(_check(before, suite, name))} | {_shown(found)} |")
    return ["| what | bound | before | now |", "|---|---|---|---|", *rows]


def _bounds(before: RunResult, after: RunResult) -> Iterator[str]:
    yield "| suite | what | bound | before | after | |"
    yield "|---|---|---|---|---|---|"
    for suite in after.suites:
        for check in suite.checks:
            earlier = _got(_check(before, suite.name, check.name))
            verdict = ("reached" if check.passed else "**fails**") if _is_bound(check) else ""
            yield f"| {suite.name} | {check.name} | {check.bound} | {earlier} | {check.got} | {verdict} |"


def _ladders(before: RunResult, after: RunResult) -> Iterator[str]:
    suites = [suite for suite in after.suites if suite.name.startswith("ladders: ")]
    yield "| topic | voices | before: 1 | 2 | 3 | 4 | 5 | after: 1 | 2 | 3 | 4 | 5 |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for suite in suites:
        earlier = by_topic(_temperatures(before.suite(suite.name)))
        for topic, steps in by_topic(suite.temperatures).items():
            cells = [str(earlier.get(topic, {}).get(step, "")) for step in sorted(steps)]
            cells += [str(steps[step]) for step in sorted(steps)]
            yield f"| {topic} | {suite.name.removeprefix('ladders: ')} | {' | '.join(cells)} |"


def _counter_cases(before: RunResult, after: RunResult) -> Iterator[str]:
    earlier = _temperatures(before.suite("counter-cases"))
    now = _temperatures(after.suite("counter-cases"))
    yield "| case | expected | before | after | |"
    yield "|---|---|---|---|---|"
    for case in load("counter_cases"):
        if case.id in now:
            low, high = case.band
            missed = "" if case.holds(now[case.id]) else "missed"
            yield f"| {case.id} | {low}–{high} | {earlier.get(case.id, '')} | {now[case.id]} | {missed} |"


def _worst(run: RunResult) -> Iterator[str]:
    for suite in run.suites:
        if suite.worst:
            yield f"**{suite.name}**"
            yield ""
            yield from (f"- {each}" for each in suite.worst[:_WORST])
            more = len(suite.worst) - _WORST
            if more > 0:
                yield f"- and {more} more"
            yield ""


def _check(run: RunResult, suite: str, name: str) -> Check | None:
    found = run.suite(suite)
    return next((check for check in found.checks if check.name == name), None) if found else None


def _got(check: Check | None) -> str:
    return "not measured" if check is None else check.got


def _shown(check: Check) -> str:
    return check.got if check.passed else f"{check.got} (fails)"


def _is_bound(check: Check) -> bool:
    return check.bound != "no bound"


def _temperatures(suite: SuiteResult | None) -> dict[str, int]:
    return dict(suite.temperatures) if suite else {}


def summary(run: RunResult) -> Sequence[str]:
    """Return the checks that failed, a line each."""
    return [
        f"fails: {suite.name}, {check.name}: {check.got} ({check.bound})"
        for suite in run.suites
        for check in suite.checks
        if not check.passed
    ]
