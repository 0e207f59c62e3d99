import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.analyzer.score.sound.frame_meter import FrameMeter
from services.analyzer.score.sound.pitch import REFERENCE_HZ
from services.analyzer.score.sound.protocol import SILENCE_LEVEL, SoundFrames
from tests.unit.analyzer.sound.voices import VOWELS, Sound, Voice, hum, noisy, pcm, silence, speech, vowel


def measure(sound: Sound) -> SoundFrames:
    return measure_samples(pcm(sound))


def measure_samples(samples: NDArray[np.int16]) -> SoundFrames:
    meter = FrameMeter()
    meter.feed(samples)
    return meter.finish()


def semitones(hertz: float) -> float:
    return float(12 * np.log2(hertz / REFERENCE_HZ))


MEASURED = noisy(np.concatenate((silence(0.3), speech(2.3), silence(0.4))), 25)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, len(MEASURED)), max_size=20))
def test_the_measures_do_not_depend_on_the_amounts_fed(cuts: list[int]) -> None:
    samples, meter = pcm(MEASURED), FrameMeter()
    for part in np.split(samples, sorted(cuts)):
        meter.feed(part)
    fed, whole = meter.finish(), measure_samples(samples)
    np.testing.assert_array_equal(fed.levels, whole.levels)
    np.testing.assert_array_equal(fed.pitch, whole.pitch)
    np.testing.assert_array_equal(fed.bands, whole.bands)


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 16_000, 16_001, 16_703, 16_704, 33_333])
def test_there_is_a_value_for_every_whole_frame(samples: int) -> None:
    frames = measure_samples(np.full(samples, 1000, np.int16))
    for part in (frames.levels, frames.pitch, frames.voicing, frames.clipped, frames.bands):
        assert len(part) == samples // 320


@pytest.mark.parametrize("formants", VOWELS)
@pytest.mark.parametrize("hertz", [90, 110, 147, 180, 211, 260, 320, 400])
def test_the_pitch_of_vowels_in_noise_is_right_to_a_third_of_a_semitone(
    hertz: float, formants: tuple[float, ...]
) -> None:
    frames = measure(noisy(vowel(1.0, Voice(pitch=hertz), formants=formants) * 0.05, 20))
    assert np.isfinite(frames.pitch).mean() > 0.95
    off = np.abs(frames.pitch - semitones(hertz))
    assert np.nanquantile(off, 0.95) < 0.34


@pytest.mark.parametrize("hertz", [95, 150, 230, 380])
def test_the_pitch_is_heard_over_a_telephone_that_has_no_fundamental(hertz: float) -> None:
    spectrum = np.fft.rfft(vowel(1.0, Voice(pitch=hertz), highest_hz=3400) * 0.05)
    spectrum[:300] = 0
    assert np.nanmedian(measure(np.fft.irfft(spectrum)).pitch) == pytest.approx(semitones(hertz), abs=0.3)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(3).standard_normal(80_000) * 0.05
    assert np.isnan(measure(noise).pitch).mean() > 0.99
    assert np.isnan(measure(silence(1)).pitch).all()
    assert (measure(silence(1)).levels < SILENCE_LEVEL).all()


@pytest.mark.parametrize("hertz", [50.0, 49.9, 60.0])
def test_dc_and_hum_as_loud_as_the_voice_change_neither_level_nor_pitch(hertz: float) -> None:
    voice = vowel(2.0, Voice(pitch=135)) * 0.03
    disturbed = measure(voice + hum(2.0, hertz, dbfs=-31) + 0.1)
    clean = measure(voice)
    assert np.abs(disturbed.levels - clean.levels).max() < 0.5
    assert np.nanmedian(np.abs(disturbed.pitch - clean.pitch)) < 0.1


def test_a_pause_under_dc_and_hum_is_quiet() -> None:
    pause = measure(hum(1.0, 50, dbfs=-40) + 0.2)
    assert (pause.levels < -55).all()


def test_a_gain_moves_the_level_by_as_much_and_nothing_else() -> None:
    louder, softer = measure(speech(2, dbfs=-24)), measure(speech(2, dbfs=-36))
    heard = softer.levels > -55
    assert np.abs(louder.levels - softer.levels - 12)[heard].max() < 0.1
    assert np.nanquantile(np.abs(louder.pitch - softer.pitch), 0.99) < 0.1


def test_samples_at_full_scale_are_counted() -> None:
    time = np.arange(16_000) / 16_000
    square = np.where((time * 200) % 1 < 0.5, 1.0, -1.0)
    assert measure(square).clipped.min() == 1.0
    assert measure(square * 0.9).clipped.max() == 0.0
    assert 0.4 < measure(np.clip(2 * np.sin(2 * np.pi * 200 * time), -1, 1)).clipped.mean() < 0.8
