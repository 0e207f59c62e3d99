"""Two channels become one so that no sound is lost, whatever the two are to each other."""

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.audio.downmix import Downmix, StereoBlock
from shared.audio.pcm import SAMPLE_RATE
from shared.audio.stereo import StereoVerdict

Samples = NDArray[np.int16]


def noise(seconds: float, seed: int = 0) -> Samples:
    random = np.random.default_rng(seed)
    return random.normal(0, 3000, int(seconds * SAMPLE_RATE)).clip(-32768, 32767).astype(np.int16)


def block(left: Samples, right: Samples) -> StereoBlock:
    return np.stack((left, right), axis=1)


def mixed(samples: StereoBlock, verdict: StereoVerdict = "different") -> Samples:
    return np.frombuffer(Downmix(verdict).mix(samples), "<i2")


def test_two_channels_are_their_mean_rounded_up_at_a_half_without_overflow() -> None:
    edges = np.array([-32768, -32767, -2, -1, 0, 1, 2, 32766, 32767], np.int16)
    left, right = (side.ravel() for side in np.meshgrid(edges, edges))
    expected = (left.astype(int) + right + 1) >> 1
    assert (mixed(block(left, right), "silent") == expected).all()


def test_independent_channels_are_their_mean() -> None:
    left, right = noise(3), noise(3, seed=1)
    assert (mixed(block(left, right)) == (left.astype(int) + right + 1) >> 1).all()


@pytest.mark.parametrize(("verdict", "kept"), [("antiphase", 0), ("left_only", 0), ("right_only", 1)])
def test_a_recording_of_one_sound_keeps_that_channel_at_its_level(verdict: StereoVerdict, kept: int) -> None:
    samples = block(noise(1), noise(1, seed=1))
    assert (mixed(samples, verdict) == samples[:, kept]).all()


def test_a_part_in_antiphase_keeps_its_level_and_the_rest_its_mean() -> None:
    left = noise(6)
    right = left.copy()
    right[2 * SAMPLE_RATE : 4 * SAMPLE_RATE] *= -1
    both = mixed(block(left, right)).astype(int)
    fade = SAMPLE_RATE // 50
    for start, end in ((0, 2), (2, 4), (4, 6)):
        part = slice(start * SAMPLE_RATE + fade, end * SAMPLE_RATE)
        assert (abs(both[part] - left[part]) <= 1).all()


def test_nothing_jumps_where_a_part_in_antiphase_begins_and_ends() -> None:
    time = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    left = (8000 * np.sin(2 * np.pi * 200 * time)).astype(np.int16)
    right = left.copy()
    right[2 * SAMPLE_RATE : 4 * SAMPLE_RATE] *= -1  # where the tone crosses zero
    steps = abs(np.diff(mixed(block(left, right)).astype(int)))
    assert steps.max() <= 1.1 * abs(np.diff(left.astype(int))).max()


def test_a_constant_offset_is_not_taken_for_antiphase() -> None:
    speech = (noise(2) // 30).astype(np.int16)
    samples = block(speech + np.int16(500), speech - np.int16(500))
    assert (abs(mixed(samples).astype(int) - speech) <= 1).all()


def test_blocks_of_a_recording_join_as_if_it_were_one() -> None:
    left = noise(4)
    samples = block(left, np.concatenate((left[: 2 * SAMPLE_RATE], -left[2 * SAMPLE_RATE :])))
    downmix = Downmix("different")
    pieces = [downmix.mix(samples[start : start + SAMPLE_RATE]) for start in range(0, len(samples), SAMPLE_RATE)]
    assert b"".join(pieces) == mixed(samples).tobytes()
