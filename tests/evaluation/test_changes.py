import numpy as np
import pytest

from tests.evaluation.dialogues import Line
from tests.evaluation.result import Check, RunResult, SuiteResult, merged
from tests.evaluation.speech.changes import INVARIANT, noisy
from tests.evaluation.speech.samples import RATE, decibels, leveled
from tests.evaluation.speech.studio import SpokenLine
from tests.evaluation.suites.two_channels import expected_side, overlap

TONE = 0.1 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)


@pytest.mark.parametrize("name", INVARIANT)
def test_a_change_leaves_sound_of_about_the_length_that_it_should(name: str) -> None:
    changed = INVARIANT[name](TONE)
    expected = {"silence around": 10.0, "twice": 5.0, "10 % faster": 2 / 1.1, "10 % slower": 2 / 0.9}.get(name, 2.0)
    assert len(changed) / RATE == pytest.approx(expected, abs=0.15)
    assert np.abs(changed).max() > 0.02


def test_noise_is_as_far_below_the_speech_as_asked() -> None:
    noise = noisy(TONE, 20) - TONE
    ratio = 10 * np.log10(np.mean(TONE**2) / np.mean(noise**2))
    assert ratio == pytest.approx(20, abs=0.5)


def test_a_level_is_met_whatever_the_pauses() -> None:
    with_pause = np.concatenate([TONE, np.zeros(5 * RATE, np.float32)])
    loud = leveled(with_pause, -20)
    assert np.sqrt(np.mean(loud[: len(TONE)] ** 2)) == pytest.approx(decibels(-20), rel=0.02)


def spoken(speaker: str, start: float, end: float) -> SpokenLine:
    return SpokenLine(Line(speaker, "words", start=start), start, end)


def test_who_begins_while_the_other_speaks_on_interrupts() -> None:
    call = [spoken("a", 0, 5), spoken("b", 4, 8), spoken("a", 8.5, 10), spoken("b", 9.9, 12)]
    assert overlap(call) == pytest.approx(1.1)
    assert (expected_side(call, "b").interruptions, expected_side(call, "a").interruptions) == (1, 0)
    assert expected_side(call, "a").talk == pytest.approx(6.5)


def run_of(scorer: str, **suites: str) -> RunResult:
    return RunResult(
        scorer=scorer,
        commit="abc",
        suites=tuple(SuiteResult(name=name, checks=(Check("c", got, "1", True),)) for name, got in suites.items()),
    )


def test_a_suite_that_ran_again_takes_the_place_of_its_earlier_figures() -> None:
    both = merged(run_of("one", first="1", second="2"), run_of("one", second="3", third="4"))
    assert [(suite.name, suite.checks[0].got) for suite in both.suites] == [
        ("first", "1"),
        ("second", "3"),
        ("third", "4"),
    ]


def test_figures_of_different_scorers_are_not_mixed() -> None:
    later = run_of("two", second="3")
    assert merged(run_of("one", first="1"), later) == later
