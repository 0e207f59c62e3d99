"""Calm voices that used to be called raised: rough ones, and those in front of a microphone that moves."""

import numpy as np
import pytest

from services.analyzer.score.sound.arousal import RAISED_VOICE
from services.analyzer.score.sound.frame_meter import FrameMeter
from services.analyzer.score.sound.line_voice import line_voices
from shared.audio.pcm import SAMPLE_RATE
from shared.domain.analysis import TranscriptLine
from tests.unit.analyzer.sound.test_arousal import TALK, Said, conversation, raised, rate
from tests.unit.analyzer.sound.voices import MAN, WOMAN, Sound, decibels, hoarse, noisy, pcm, speech, vowel


def stepped(sound: Sound, line: TranscriptLine, gain: float) -> Sound:
    """Return the sound with a gain from a moment before a line on."""
    moved = sound.copy()
    moved[max(round((line.start - 0.2) * SAMPLE_RATE), 0) :] *= decibels(gain)
    return moved


def level(sound: Sound) -> float:
    meter = FrameMeter()
    meter.feed(pcm(sound))
    (voice,) = line_voices([TranscriptLine(start=0, end=len(sound) / SAMPLE_RATE, text="one")], meter.finish())
    assert voice is not None
    return voice.level


@pytest.mark.parametrize("seed", range(4))
def test_the_level_of_a_line_hardly_depends_on_how_much_of_it_is_clearly_voiced(seed: int) -> None:
    clear = speech(2.6, MAN, seed=seed)
    assert level(hoarse(clear, seed=seed)) == pytest.approx(level(clear), abs=1.5)


def test_one_clear_but_soft_vowel_in_a_rough_line_is_not_the_level_of_the_line() -> None:
    rough = hoarse(speech(2.0, MAN, dbfs=-28, seed=2), seed=1)
    murmur = vowel(0.5, MAN) * decibels(-42)
    assert level(np.concatenate((rough, murmur))) == pytest.approx(level(rough), abs=1.5)


def test_a_rough_voice_raises_itself_only_when_it_is_loud() -> None:
    sound, lines = conversation(TALK)
    assert raised(rate(hoarse(sound), lines)) == []
    louder: list[Said] = [*TALK[:4], (MAN, 13.0), *TALK[5:]]
    sound, lines = conversation(louder)
    assert raised(rate(hoarse(sound), lines)) == [4]


@pytest.mark.parametrize("step", [-14.0, -9.0, 9.0, 14.0])
@pytest.mark.parametrize("at", [2, 3, 4])
def test_a_microphone_that_moves_within_a_call_of_six_lines_raises_no_voice(step: float, at: int) -> None:
    sound, lines = conversation([(MAN, 0.0), (WOMAN, 0.0)] * 3)
    assert raised(rate(stepped(sound, lines[at], step), lines)) == []


@pytest.mark.parametrize("step", [-14.0, 14.0])
def test_a_microphone_that_moves_before_a_single_voice_raises_it_neither_before_nor_after(step: float) -> None:
    sound, lines = conversation([(MAN, 0.0)] * 5)
    assert raised(rate(stepped(sound, lines[3], step), lines)) == []


@pytest.mark.parametrize("step", [-13.0, 13.0])
@pytest.mark.parametrize("at", [2, 3, 5])
def test_a_microphone_that_moves_in_the_middle_of_a_line_raises_no_voice(step: float, at: int) -> None:
    sound, lines = conversation([(MAN, 0.0), (WOMAN, 0.0)] * 4)
    middle = round((lines[at].start + lines[at].end) / 2 * SAMPLE_RATE)
    sound[middle:] *= decibels(step)
    assert raised(rate(sound, lines)) == []


def test_a_background_that_becomes_louder_with_the_voice_tells_the_microphone_from_a_raised_voice() -> None:
    sound, lines = conversation([(WOMAN, 0.0), *[(MAN, 0.0)] * 4])
    assert raised(rate(stepped(sound, lines[3], 13), lines)) == [3, 4]
    assert raised(rate(noisy(stepped(sound, lines[3], 13), 35), lines)) == [3, 4]
    assert raised(rate(stepped(noisy(sound, 30), lines[3], 13), lines)) == []


def test_loud_lines_that_come_and_go_are_no_microphone() -> None:
    lines: list[Said] = [(MAN, 0.0), (WOMAN, 0.0), (MAN, 13.0), (WOMAN, 13.0), (MAN, 0.0), (WOMAN, 13.0), (MAN, 0.0)]
    assert raised(rate(*conversation(lines))) == [2, 3, 5]


def test_one_of_two_who_becomes_loud_at_the_end_is_raised() -> None:
    lines: list[Said] = [(MAN, 0.0), (WOMAN, 0.0), (MAN, 0.0), (WOMAN, 0.0), (MAN, 12.0), (WOMAN, 0.0), (MAN, 13.0)]
    assert raised(rate(*conversation(lines))) == [4, 6]


def test_a_voice_that_is_not_named_raised_counts_for_little() -> None:
    for gain in np.arange(0.0, 15.0, 0.5):
        lines: list[Said] = [*TALK[:5], (WOMAN, float(gain)), *TALK[6:]]
        for line in rate(*conversation(lines)):
            assert RAISED_VOICE in line.codes or line.arousal < 0.35
            assert line.rise >= 7 or line.arousal < 0.15
