"""Voices made of harmonics and formants, at 16 kHz with 1 as full scale: what the sound's measures are tried on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shared.audio.pcm import SAMPLE_RATE

Sound = NDArray[np.float64]
VOWELS = ((730, 1090, 2440), (300, 870, 2240), (270, 2290, 3010), (530, 1840, 2480))
"""Formants of ah, oo, ee, eh, in Hz (Peterson and Barney 1952)."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker: the pitch in Hz, how much longer than a man's the formants lie, and the slope of the source.

    `effort` is the exponent by which harmonics fall off: 1.5 is relaxed, 0.5 shouted.
    """

    pitch: float = 110.0
    formants: float = 1.0
    effort: float = 1.5


MAN = Voice()
WOMAN = Voice(pitch=210.0, formants=1.17)


def rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


def vowel(
    seconds: float, voice: Voice = MAN, *, formants: Sequence[float] = VOWELS[0], highest_hz: float = 7000.0
) -> Sound:
    """Return a steady vowel of level 1."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    number = np.arange(1, int(highest_hz / voice.pitch) + 1)
    gain = sum(1 / (1 + ((number * voice.pitch - place * voice.formants) / 90) ** 2) for place in formants)
    weight = np.sqrt(gain) * number**-voice.effort
    sound: Sound = weight @ np.cos(2 * np.pi * voice.pitch * number[:, None] * time + 0.3 * number[:, None] ** 2)
    return sound / rms(sound)


def speech(seconds: float, voice: Voice = MAN, *, dbfs: float = -30.0, seed: int = 0) -> Sound:
    """Return syllables of 0.2 s with changing vowel, pitch and stress, 0.06 s of silence behind each."""
    return _speech(seconds, voice, seed) * decibels(dbfs)


@cache
def _speech(seconds: float, voice: Voice, seed: int) -> Sound:
    random = np.random.default_rng(seed)
    syllables = []
    for _ in range(max(1, round(seconds / 0.26))):
        tone = Voice(voice.pitch * 2 ** random.uniform(-0.15, 0.15), voice.formants, voice.effort)
        syllable = vowel(0.2, tone, formants=VOWELS[random.integers(len(VOWELS))], highest_hz=4000)
        fade = np.minimum(1, np.minimum(np.arange(len(syllable)), np.arange(len(syllable))[::-1]) / 300)
        syllables += [syllable * fade * decibels(random.uniform(-2, 2)), silence(0.06)]
    return np.concatenate(syllables)


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * SAMPLE_RATE))


def decibels(gain: float) -> float:
    """Return the factor of a gain in dB."""
    return float(10 ** (gain / 20))


def noisy(sound: Sound, snr: float, *, seed: int = 1) -> Sound:
    """Return the sound with white noise `snr` dB below its level."""
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    return sound + noise * rms(sound) / decibels(snr)


def hoarse(sound: Sound, *, seed: int = 0) -> Sound:
    """Return speech of the same level in which two of three stretches of 0.26 s are half breath."""
    random = np.random.default_rng(seed)
    rough = sound.copy()
    length = round(0.26 * SAMPLE_RATE)
    for at in range(0, len(sound), length):
        part = sound[at : at + length]
        if random.random() < 2 / 3 and part.any():
            breath = random.standard_normal(len(part)) * np.abs(part)
            mixed = part + breath * rms(part) / rms(breath) * 0.6
            rough[at : at + length] = mixed * rms(part) / rms(mixed)
    return rough


def hum(seconds: float, hertz: float, *, dbfs: float) -> Sound:
    """Return mains hum: the fundamental at `dbfs`, three harmonics below it."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    parts = ((1, 0.0), (2, -6.0), (3, -10.0), (4, -16.0))
    return sum(
        (decibels(dbfs + gain) * np.sqrt(2) * np.sin(2 * np.pi * hertz * n * time) for n, gain in parts),
        np.zeros(len(time)),
    )


def pcm(sound: Sound) -> NDArray[np.int16]:
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)
