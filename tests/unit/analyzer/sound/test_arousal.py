from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from services.analyzer.score.sound.arousal import RAISED_VOICE, rate_sound
from services.analyzer.score.sound.frame_meter import FrameMeter
from services.analyzer.score.sound.protocol import ChannelSound, LineSound
from shared.audio.pcm import SAMPLE_RATE
from shared.domain.analysis import TranscriptLine
from tests.unit.analyzer.sound.voices import MAN, WOMAN, Sound, Voice, decibels, hum, noisy, pcm, silence, speech

Said = tuple[Voice, float]
"""A line's voice and its gain in dB."""
OTHER_MAN = Voice(pitch=125.0, formants=1.08, effort=1.2)
TALK: list[Said] = [(MAN, 0.0), (WOMAN, 0.0)] * 4


def conversation(lines: Sequence[Said], *, dbfs: float = -33.0) -> tuple[Sound, list[TranscriptLine]]:
    parts, said, at = [], [], 0.0
    for number, (voice, gain) in enumerate(lines):
        sound = speech(1.6 + number % 3 * 0.4, voice, dbfs=dbfs + gain, seed=number)
        parts += [sound, silence(0.4)]
        seconds = len(sound) / SAMPLE_RATE
        said.append(TranscriptLine(start=at, end=at + seconds, text="one two three four five"))
        at += seconds + 0.4
    return np.concatenate(parts), said


def rate(sound: Sound, lines: Sequence[TranscriptLine]) -> list[LineSound]:
    meter = FrameMeter()
    meter.feed(pcm(sound))
    return rate_sound(lines, [ChannelSound(None, meter.finish())])


def raised(rated: Sequence[LineSound]) -> list[int]:
    return [at for at, line in enumerate(rated) if RAISED_VOICE in line.codes]


@pytest.mark.parametrize("pair", [(MAN, WOMAN), (WOMAN, MAN), (MAN, OTHER_MAN)])
@pytest.mark.parametrize("far", [-10.0, -15.0, -20.0])
def test_the_near_end_of_a_telephone_is_not_raised_against_the_far_end(pair: tuple[Voice, Voice], far: float) -> None:
    rated = rate(*conversation([(pair[0], 0.0), (pair[1], far)] * 4, dbfs=-28))
    assert raised(rated) == []
    assert max(line.arousal for line in rated) < 0.3


def test_two_sides_whose_voices_are_alike_are_told_apart_by_their_turns() -> None:
    assert raised(rate(*conversation([(MAN, 0.0), (MAN, -15.0)] * 4))) == []


@pytest.mark.parametrize("place", range(len(TALK)))
def test_a_line_that_is_13_db_louder_than_the_speakers_others_is_raised(place: int) -> None:
    lines = list(TALK)
    lines[place] = (lines[place][0], 13.0)
    rated = rate(*conversation(lines))
    assert raised(rated) == [place]
    assert rated[place].rise == pytest.approx(13, abs=4)


def test_a_raised_voice_is_heard_at_the_far_end_too() -> None:
    lines: list[Said] = [(MAN, 0.0), (WOMAN, -15.0)] * 4
    lines[5] = (WOMAN, -2.0)
    assert raised(rate(*conversation(lines, dbfs=-26))) == [5]


def test_three_quarters_shouted_are_raised_against_the_rest() -> None:
    lines: list[Said] = [(MAN, gain) for gain in (0, 13, 14, 0, 15, 13, 14, 16)]
    assert raised(rate(*conversation(lines))) == [1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("step", [-14.0, 14.0])
def test_a_microphone_that_moves_once_raises_no_voice(step: float) -> None:
    sound, lines = conversation(TALK)
    sound[len(sound) // 2 :] *= decibels(step)
    assert raised(rate(sound, lines)) == []


def test_a_slammed_door_in_a_line_is_no_raised_voice() -> None:
    sound, lines = conversation(TALK)
    at = round((lines[3].start + 0.5) * SAMPLE_RATE)
    length = SAMPLE_RATE // 4
    slam = np.random.default_rng(5).standard_normal(length) * np.exp(-np.arange(length) / 1200)
    sound[at : at + length] += 0.5 * slam
    assert raised(rate(sound, lines)) == []


def test_louder_never_sounds_less_aroused() -> None:
    before = 0.0
    for gain in range(0, 25, 3):
        lines = list(TALK)
        lines[4] = (MAN, float(gain))
        arousal = rate(*conversation(lines))[4].arousal
        assert arousal >= before
        before = arousal
    assert before == 1.0


def test_the_gain_of_a_whole_recording_and_padding_change_nothing() -> None:
    lines: list[Said] = [(MAN, 0.0), (WOMAN, 0.0), (MAN, 9.0), (WOMAN, 13.0), (MAN, 3.0), (WOMAN, 5.0)]
    sound, said = conversation(lines)
    plain = [line.arousal for line in rate(sound, said)]
    for gain in (-6.0, 6.0):
        louder = [line.arousal for line in rate(sound * decibels(gain), said)]
        assert louder == pytest.approx(plain, abs=0.02)
    later = [replace(line, start=line.start + 5, end=line.end + 5) for line in said]
    padded = rate(np.concatenate((silence(5), sound, silence(20))), later)
    assert [line.arousal for line in padded] == pytest.approx(plain, abs=0.02)


def test_noise_hum_and_dc_neither_hide_nor_make_a_raised_voice() -> None:
    lines = list(TALK)
    lines[5] = (WOMAN, 14.0)
    sound, said = conversation(lines)
    assert raised(rate(noisy(sound, 20), said)) == [5]
    seconds = len(sound) / SAMPLE_RATE
    assert raised(rate(sound + hum(seconds, 50, dbfs=-35)[: len(sound)] + 0.05, said)) == [5]


def test_shouting_from_the_first_word_to_the_last_is_heard_by_its_pitch_and_spectrum() -> None:
    shouted = rate(*conversation([(Voice(pitch=330.0, formants=1.1, effort=0.2), 0.0)] * 5))
    calm = rate(*conversation([(WOMAN, 0.0)] * 5))
    assert all(0.4 <= line.arousal <= 0.65 for line in shouted)
    assert all(line.arousal < 0.3 for line in calm)


def test_a_voice_that_becomes_higher_and_louder_after_others_spoke_is_a_raised_one() -> None:
    shouting = Voice(pitch=175.0, formants=1.0, effort=0.5)
    lines = [(MAN, 0.0), (WOMAN, 0.0), (MAN, 0.0), (WOMAN, 0.0), (shouting, 11.0), (WOMAN, 0.0), (shouting, 12.0)]
    assert raised(rate(*conversation(lines))) == [4, 6]


@pytest.mark.parametrize(("at", "gain"), [(2, 13.0), (4, 13.0), (4, 17.0)])
def test_one_shouted_line_of_who_has_spoken_before_is_raised_though_its_pitch_is_another_voices(
    at: int, gain: float
) -> None:
    lines: list[Said] = [(MAN, 0.0), (WOMAN, 0.0)] * 3
    lines[at] = (replace(MAN, pitch=MAN.pitch * 1.35), gain)
    assert raised(rate(*conversation(lines))) == [at]


def test_the_near_end_that_answers_a_long_greeting_of_the_far_end_is_not_raised() -> None:
    lines: list[Said] = [(MAN, -15.0), (MAN, -15.0), (WOMAN, 0.0), (MAN, -15.0), (WOMAN, 0.0), (MAN, -15.0)]
    assert raised(rate(*conversation(lines, dbfs=-26))) == []


def test_each_channel_is_its_own_measure_and_lines_of_unknown_channels_sound_as_usual() -> None:
    meters = {name: FrameMeter() for name in ("agent", "customer")}
    said = []
    for name, gains in (("agent", (0.0, 0.0, 0.0)), ("customer", (-20.0, -6.0, -20.0))):
        sound, lines = conversation([(MAN, gain) for gain in gains], dbfs=-26)
        meters[name].feed(pcm(sound))
        said += [replace(line, channel=name) for line in lines]
    said.append(replace(said[0], channel="hall"))
    channels = [ChannelSound(name, meter.finish()) for name, meter in meters.items()]
    rated = rate_sound(said, channels)
    assert raised(rated) == [4]
    assert rated[-1] == LineSound()


def test_lines_without_sound_and_recordings_without_frames_are_rated_all_the_same() -> None:
    line = TranscriptLine(start=0.0, end=2.0, text="one two")
    assert rate(silence(2), [line])[0].arousal == 0.0
    assert rate(silence(0), [line])[0] == LineSound(pace=1.0)
    assert rate(silence(2), []) == []
