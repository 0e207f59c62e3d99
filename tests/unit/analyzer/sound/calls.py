"""Calls of two channels: what each side says when, and the sound of it."""

from collections.abc import Mapping, Sequence

import numpy as np

from services.analyzer.score.sound.frame_meter import FrameMeter
from services.analyzer.score.sound.protocol import ChannelSound
from shared.audio.pcm import SAMPLE_RATE
from shared.domain.analysis import TranscriptLine
from tests.unit.analyzer.sound.voices import MAN, WOMAN, Sound, pcm, speech

Spoken = tuple[str, float, float]
"""The side, from when to when in seconds."""
VOICES = {"agent": MAN, "customer": WOMAN}
LEVELS = {"agent": -26.0, "customer": -36.0}


def call(spoken: Sequence[Spoken], seconds: float) -> tuple[dict[str, Sound], list[TranscriptLine]]:
    """Return the sound of each side and the lines; what a side says begins with its name and the line's number."""
    sides = {name: np.zeros(round(seconds * SAMPLE_RATE)) for name in VOICES}
    lines = []
    for number, (name, start, end) in enumerate(spoken):
        sound = speech(end - start + 0.26, VOICES[name], dbfs=LEVELS[name], seed=number)
        begin, stop = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        sides[name][begin:stop] = sound[: stop - begin]
        words = " ".join(f"{name}{number} {letter}" for letter in "abcd")
        lines.append(TranscriptLine(start=start, end=end, text=words, channel=name))
    return sides, lines


def heard(sides: Mapping[str, Sound]) -> list[ChannelSound]:
    channels = []
    for name, sound in sides.items():
        meter = FrameMeter()
        meter.feed(pcm(sound))
        channels.append(ChannelSound(name, meter.finish()))
    return channels
