from itertools import pairwise
from pathlib import Path

from tests.evaluation.dialogues import load
from tests.evaluation.picture import draw
from tests.evaluation.report import readme_lines, report, summary
from tests.evaluation.result import Check, RunResult, SuiteResult, load_run, save

TAU = "mean Kendall τ of a ladder"


def run_of(scorer: str, tau: str, *, passed: bool) -> RunResult:
    ladders = SuiteResult(
        name="ladders: text",
        checks=(Check(TAU, tau, "≥ 0.90", passed), Check("in their band", "26%", "no bound", passed=True)),
        temperatures={each.id: 10 * each.step for each in load("ladders")},
        worst=("cake-5: 50, expected 75 to 100",),
    )
    counter = SuiteResult(name="counter-cases", checks=(), temperatures={"joy-news": 44})
    return RunResult(scorer=scorer, commit="abc1234", suites=(ladders, counter))


BEFORE, AFTER = run_of("one", "0.71", passed=False), run_of("two", "0.95", passed=True)


def test_a_report_says_what_is_reached_and_what_fails() -> None:
    better, worse = report(BEFORE, AFTER), report(AFTER, BEFORE)
    assert f"| ladders: text | {TAU} | ≥ 0.90 | 0.71 | 0.95 | reached |" in better
    assert f"| ladders: text | {TAU} | ≥ 0.90 | 0.95 | 0.71 | **fails** |" in worse
    assert "1 of 1 bounds are reached, 0 fail" in better
    assert "0 of 1 bounds are reached, 1 fail" in worse
    assert "| joy-news | 1–20 | 44 | 44 | missed |" in better
    assert "- cake-5: 50, expected 75 to 100" in better
    assert summary(BEFORE) == [f"fails: ladders: text, {TAU}: 0.71 (≥ 0.90)"]


def test_every_row_of_a_table_has_the_cells_of_its_head() -> None:
    lines = report(BEFORE, AFTER).splitlines()
    for above, below in pairwise(lines):
        if above.startswith("|") and below.startswith("|"):
            assert above.count("|") == below.count("|"), below


def test_the_readme_gets_what_was_measured() -> None:
    assert readme_lines(BEFORE, AFTER)[2:] == [
        "| order of ladders of escalation, from text (mean Kendall τ) | ≥ 0.90 | 0.71 | 0.95 |"
    ]
    assert readme_lines(AFTER, BEFORE)[2].endswith("| 0.95 | 0.71 (fails) |")


def test_figures_that_were_kept_are_read_as_they_were(tmp_path: Path) -> None:
    save(AFTER, tmp_path / "run.json")
    assert load_run(tmp_path / "run.json") == AFTER


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    draw(BEFORE, AFTER, tmp_path / "ladders.png")
    assert (tmp_path / "ladders.png").read_bytes().startswith(b"\x89PNG")
