from dataclasses import replace

import numpy as np
import pytest

from services.analyzer.score.sound.echo import echo_lines
from shared.audio.pcm import SAMPLE_RATE
from shared.domain.analysis import TranscriptLine
from tests.unit.analyzer.sound.calls import call, heard
from tests.unit.analyzer.sound.voices import Sound, decibels


def echoing(delay: float, gain: float) -> tuple[dict[str, Sound], list[TranscriptLine]]:
    """Return a call in which the customer's words come back on the agent's channel."""
    sides, lines = call([("customer", 1, 4), ("agent", 5, 7)], 8)
    late = round(delay * SAMPLE_RATE)
    came_back = np.concatenate((np.zeros(late), sides["customer"]))[: len(sides["agent"])] * decibels(gain)
    return {**sides, "agent": sides["agent"] + came_back}, lines


def heard_again(line: TranscriptLine, delay: float, text: str) -> TranscriptLine:
    return replace(line, start=line.start + delay, end=line.end + delay, channel="agent", text=text)


@pytest.mark.parametrize("delay", [0.0, 0.08, 0.25, 0.45])
def test_a_line_that_comes_back_softer_and_later_in_roughly_the_same_words_is_dropped(delay: float) -> None:
    sides, lines = echoing(delay, -14)
    echo = heard_again(lines[0], delay + 0.1, "Customer0 a custom zero b, customer0 c. customer0 d!")
    assert echo_lines([*lines, echo], heard(sides)) == {len(lines)}


def test_an_answer_in_the_same_words_after_a_second_is_kept() -> None:
    sides, lines = call([("customer", 1, 3), ("agent", 4.2, 6.2)], 8)
    said = [lines[0], replace(lines[1], text=lines[0].text)]
    assert echo_lines(said, heard(sides)) == frozenset()


def test_the_same_words_spoken_at_once_by_another_voice_are_kept() -> None:
    sides, lines = call([("customer", 1, 3), ("agent", 1.1, 3.4)], 5)
    said = [lines[0], replace(lines[1], text=lines[0].text)]
    assert echo_lines(said, heard(sides)) == frozenset()


def test_other_words_over_an_echo_are_kept() -> None:
    sides, lines = echoing(0.2, -14)
    spoken = heard_again(lines[0], 0.2, "Let me look into that for you")
    assert echo_lines([*lines, spoken], heard(sides)) == frozenset()


def test_the_louder_of_two_lines_is_never_the_echo() -> None:
    sides, lines = echoing(0.2, -14)
    echo = heard_again(lines[0], 0.2, lines[0].text)
    assert 1 not in echo_lines([echo, *lines], heard(sides))


def test_on_one_channel_nothing_is_an_echo() -> None:
    sides, lines = call([("customer", 1, 3)], 4)
    said = [replace(lines[0], channel=None), replace(lines[0], channel=None)]
    assert echo_lines(said, heard(sides)[:1]) == frozenset()
