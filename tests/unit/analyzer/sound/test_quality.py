from dataclasses import replace

import numpy as np
import pytest

from services.analyzer.score.sound.protocol import ChannelSound, SoundQuality
from services.analyzer.score.sound.quality import sound_quality
from shared.domain.analysis import TranscriptLine
from tests.unit.analyzer.sound.calls import call, heard
from tests.unit.analyzer.sound.voices import Sound, hum, noisy, speech

LINE = TranscriptLine(start=0.0, end=6.0, text="one two three")
TALK = speech(6.0, dbfs=-24)


def quality(sound: Sound) -> SoundQuality:
    return sound_quality([LINE], [ChannelSound(None, heard({"one": sound})[0].frames)])


@pytest.mark.parametrize("snr", [20.0, 10.0, 0.0])
def test_the_noise_under_speech_is_measured(snr: float) -> None:
    assert quality(noisy(np.concatenate((TALK, np.zeros(48_000))), snr)).snr == pytest.approx(snr, abs=3)


@pytest.mark.parametrize("snr", [20.0, 10.0, 0.0])
def test_the_noise_under_speech_without_a_pause_is_measured_roughly(snr: float) -> None:
    assert quality(noisy(TALK, snr)).snr == pytest.approx(snr, abs=5)


def test_clean_speech_lies_far_above_its_noise_and_hum_is_not_noise() -> None:
    assert quality(TALK).snr > 25
    assert quality(TALK + hum(6, 50, dbfs=-36)[: len(TALK)] + 0.1).snr > 20


def test_the_gain_changes_no_measure() -> None:
    noise = noisy(TALK, 12)
    assert quality(noise / 4).snr == pytest.approx(quality(noise).snr, abs=0.2)


def test_clipped_speech_is_counted() -> None:
    assert quality(TALK).clipped == 0
    assert quality(TALK * 20).clipped > 0.1


def test_voiced_seconds_are_those_of_the_vowels() -> None:
    assert quality(TALK).voiced_seconds == pytest.approx(4.6, abs=0.8)
    assert quality(np.random.default_rng(0).standard_normal(96_000) * 0.1).voiced_seconds < 0.2


def test_channels_count_by_how_much_is_said_in_them() -> None:
    sides, lines = call([("agent", 1, 7), ("customer", 8, 9)], 10)
    noise = np.random.default_rng(3).standard_normal(len(sides["agent"]))
    noisy_customer = {**sides, "customer": sides["customer"] + noise * 0.02}
    noisy_agent = {**sides, "agent": sides["agent"] + noise * 0.05}
    measured = [sound_quality(lines, heard(each)).snr for each in (sides, noisy_customer, noisy_agent)]
    assert measured[0] > measured[1] > measured[2]


def test_without_a_line_there_is_no_noise_to_speak_of() -> None:
    nothing = ChannelSound(None, heard({"one": np.zeros(0)})[0].frames)
    assert sound_quality([], [nothing]) == SoundQuality(snr=60.0, clipped=0.0, voiced_seconds=0.0)
    assert sound_quality([replace(LINE, channel="hall")], [nothing]).clipped == 0.0
