"""Measures how far a recording can be trusted: speech over noise, clipping, and how much voice there is."""

from collections.abc import Sequence
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.sound.line_voice import clearly_voiced, frames_of, noise_level
from services.analyzer.score.sound.protocol import FRAMES_PER_SECOND, ChannelSound, SoundFrames, SoundQuality
from shared.domain.analysis import TranscriptLine

_MOST_SNR = 60.0  # dB, and what is returned where nothing is said
_DIPS = 0.05  # of a line's frames: closures of plosives, in which noise is heard alone
_AROUND = FRAMES_PER_SECOND // 5  # frames around lines that may still be speech


def sound_quality(lines: Sequence[TranscriptLine], channels: Sequence[ChannelSound]) -> SoundQuality:
    """Return the quality of a recording's lines, the channels weighted by how much is said in them.

    With white noise the measure is that of the whole band up to 8 kHz, to a dB on synthetic voices.
    """
    measured = list(starmap(_channel_quality, ((_said(lines, channel), channel.frames) for channel in channels)))
    spoken = np.array([count for _, _, count, _ in measured])
    voiced = sum(count for _, _, _, count in measured) / FRAMES_PER_SECOND
    if not spoken.any():
        return SoundQuality(snr=_MOST_SNR, clipped=0.0, voiced_seconds=round(voiced, 2))
    return SoundQuality(
        snr=round(float(np.average([snr for snr, _, _, _ in measured], weights=spoken)), 1),
        clipped=round(float(np.average([clipped for _, clipped, _, _ in measured], weights=spoken)), 4),
        voiced_seconds=round(voiced, 2),
    )


def _said(lines: Sequence[TranscriptLine], channel: ChannelSound) -> NDArray[np.bool_]:
    said = np.zeros(len(channel.frames.levels), np.bool_)
    for line in lines:
        if line.channel == channel.name:
            said[frames_of(line)] = True
    return said


def _channel_quality(said: NDArray[np.bool_], frames: SoundFrames) -> tuple[float, float, int, int]:
    """Return speech over noise in dB, the share of clipped samples, and how many frames are spoken and voiced."""
    voiced = clearly_voiced(frames, noise_level(frames))
    count = int(np.count_nonzero(voiced))
    inside = frames.levels[said]
    if not len(inside):
        return _MOST_SNR, 0.0, 0, count
    noise = max(_pause_level(said, frames.levels), float(np.quantile(inside, _DIPS)))
    loud = said & (frames.levels >= np.median(inside))  # the louder half: syllables, even where noise hides the voice
    speech = max(_mean_power(frames.levels[loud]) - 10 ** (noise / 10), 1e-12)
    snr = 10 * np.log10(speech) - noise
    clipped = float(frames.clipped[loud].mean())
    return float(np.clip(snr, -_MOST_SNR, _MOST_SNR)), clipped, int(np.count_nonzero(said)), count


def _pause_level(said: NDArray[np.bool_], levels: NDArray[np.float32]) -> float:
    """Return the usual level well outside the lines, or very little where lines are all there is."""
    near = np.convolve(said, np.ones(2 * _AROUND + 1), mode="same") > 0
    return float(np.median(levels[~near])) if (~near).any() else -np.inf


def _mean_power(levels: NDArray[np.float32]) -> float:
    return float(np.power(10.0, levels.astype(np.float64) / 10).mean())
