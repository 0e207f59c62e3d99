from itertools import pairwise

import numpy as np
import pytest

from services.analyzer.levels import FRAMES_PER_SECOND
from services.analyzer.score.local import score_locally
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.summary import quote, timestamp
from shared.domain.analysis import TranscriptLine
from tests.unit.analyzer.transcribed import transcribed


def recording(*said: str, dbfs: float = -25.0, loud: frozenset[int] = frozenset()) -> TranscribedRecording:
    """A recording of four-second lines, those in `loud` 14 dB above the others."""
    lines = tuple(TranscriptLine(start=4.0 * n, end=4.0 * n + 3.5, text=text) for n, text in enumerate(said))
    levels = np.array([dbfs + (14 if n in loud else 0) for n in range(len(said))], np.float32)
    return transcribed(lines, seconds=4.0 * len(said), levels=np.repeat(levels, 4 * FRAMES_PER_SECOND))


CALM = (
    "Good morning, how can I help you?",
    "I would like to check my order.",
    "It will arrive tomorrow.",
    "Thank you.",
)
STEPS = (
    CALM,
    ("Good morning.", "I do not agree, this is a bad policy.", "I understand.", "I think it is wrong."),
    ("Good morning.", "This is ridiculous.", "I understand.", "I am really frustrated with you."),
    ("Good morning.", "You never listen, it is your fault.", "I understand.", "Give me your manager, this is absurd."),
    ("Good morning.", "Shut up, you idiot.", "I understand.", "You will regret this, I will hurt you."),
)


def test_a_conversation_that_escalates_step_by_step_gets_hotter_step_by_step() -> None:
    heats = [score_locally(recording(*lines)).temperature for lines in STEPS]
    assert all(milder < harsher for milder, harsher in pairwise(heats))
    assert heats[0] <= 10
    assert heats[-1] >= 70


def test_the_same_hostile_words_shouted_are_hotter() -> None:
    shouted = score_locally(recording(*STEPS[3], loud=frozenset({1, 3})))
    assert shouted.temperature > score_locally(recording(*STEPS[3])).temperature
    assert "raised_voice" in shouted.reason_codes
    assert "rises 14 dB" in shouted.summary


@pytest.mark.parametrize("gain", [-6.0, 6.0])
def test_the_gain_of_the_whole_recording_does_not_change_the_score(gain: float) -> None:
    loud = frozenset({1, 3})
    assert score_locally(recording(*STEPS[3], loud=loud)) == score_locally(
        recording(*STEPS[3], loud=loud, dbfs=-25 + gain)
    )


def test_loud_joy_stays_cold() -> None:
    joy = ("We have the results.", "Oh this is amazing, I am so happy!", "You won.", "I love it, thank you, thank you!")
    assert score_locally(recording(*joy, loud=frozenset({1, 3}))).temperature <= 25


def test_no_speech_is_a_score_of_its_own_and_says_so() -> None:
    score = score_locally(recording())
    assert (score.temperature, score.confidence, score.reason_codes) == (1, 0.0, ("no_speech",))
    assert "No speech" in score.summary


def test_the_summary_says_why_where_and_that_it_is_uncalibrated() -> None:
    summary = score_locally(recording(*STEPS[4])).summary
    assert "hostile words in 2 of 4 lines" in summary
    assert "at 0:12 (“You will regret this, I will hurt you.”)" in summary
    assert "not calibrated" in summary


def test_words_that_are_only_negative_are_not_called_hostile() -> None:
    score = score_locally(recording("It was a terrible day.", "The weather was horrible."))
    assert score.summary.startswith("Calm: no hostile words in 2 lines, negative ones in 2")
    assert score.reason_codes == ("negative_words",)


def test_reasons_come_once_each_the_hottest_first() -> None:
    codes = score_locally(
        recording("This is ridiculous.", "You are an idiot.", "I am fed up.", "You moron.")
    ).reason_codes
    assert codes == ("insult", "frustration")


def test_a_greeting_alone_is_marked_as_little_speech() -> None:
    assert score_locally(recording("Hello?")).reason_codes == ("little_speech",)


def test_a_quote_is_twelve_words_at_most_around_what_was_hostile() -> None:
    long = "so then I went to the shop and asked and look here you, shut up, you idiot, and that was the end of it"
    quoted = quote(long)
    assert "shut up, you idiot" in quoted
    assert len(quoted.strip("…").split()) == 12
    assert quoted.startswith("…")
    assert quoted.endswith("…")


@pytest.mark.parametrize(("seconds", "written"), [(0, "0:00"), (7.9, "0:07"), (61, "1:01"), (3667, "61:07")])
def test_moments_are_written_as_minutes_and_seconds(seconds: float, written: str) -> None:
    assert timestamp(seconds) == written
