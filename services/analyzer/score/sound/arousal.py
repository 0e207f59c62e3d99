"""Rates how aroused each line sounds against the usual of its channel or speaker: loudness, pitch, pace.

Sound says only how aroused a voice is; whether it is anger or joy, the words say.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.sound.level_step import without_step
from services.analyzer.score.sound.line_voice import LineVoice, line_voices
from services.analyzer.score.sound.protocol import ChannelSound, LineSound
from services.analyzer.score.sound.speakers import speakers
from shared.domain.analysis import TranscriptLine

RAISED_VOICE = "raised_voice"

_USUAL = 0.2  # of a speaker's lines are softer than usual: most of a quarrel may be shouted
_RISE_FROM, _RISE_TO = 6.5, 13.5  # dB: calm reading varies by 6; a shout lies 15 or more above (Traunmüller 2000)
_PITCH_FROM, _PITCH_TO, _PITCH_WEIGHT = 2.5, 8.0, 0.6  # semitones; questions and joy rise too
_PACE_FROM, _PACE_TO, _PACE_WEIGHT = 1.3, 2.0, 0.15  # times the usual pace
_HIGH_FROM, _HIGH_TO = 24.0, 31.0  # semitones above 55 Hz, 220 to 330 Hz: few speak there, unless they shout
_FLAT_FROM, _FLAT_TO = -14.0, -4.0  # dB of tilt; relaxed voices have -16 or less
_STEADY_WEIGHT = 0.6  # children and some microphones sound like this too
_RAISED_FROM = 0.4
_RAISED_LEAST_RISE = 4.0
_SHORT = 25  # voiced frames: "yes" is soft, and no measure of what is usual
_MIDDLE = 0.5


def rate_sound(lines: Sequence[TranscriptLine], channels: Sequence[ChannelSound]) -> list[LineSound]:
    """Return how each line sounds, in the order of the lines; lines of a channel that is not given sound as usual."""
    rated = [LineSound()] * len(lines)
    for channel in channels:
        places = [at for at, line in enumerate(lines) if line.channel == channel.name]
        own = [lines[at] for at in places]
        for at, sound in zip(places, _rate_channel(own, channel), strict=True):
            rated[at] = sound
    return rated


def _rate_channel(lines: Sequence[TranscriptLine], channel: ChannelSound) -> list[LineSound]:
    paces = [len(line.text.split()) / max(line.end - line.start, 0.2) for line in lines]
    heard = [(at, voice) for at, voice in enumerate(line_voices(lines, channel.frames)) if voice is not None]
    rated = [LineSound(pace=round(pace, 2)) for pace in paces]
    if not heard:
        return rated
    heard.sort(key=lambda item: lines[item[0]].start)
    voices = [voice for _, voice in heard]
    groups = np.array(_groups([lines[at] for at, _ in heard], voices, channel))
    pitches = np.array([voice.pitch for voice in voices])
    levels = without_step(np.array([voice.level for voice in voices]), pitches, groups.tolist())
    pace = np.array([paces[at] for at, _ in heard])
    short = np.array([voice.voiced < _SHORT for voice in voices])
    rises = levels - _usual(levels, groups, short, _USUAL)
    pitch_rises = pitches - _usual(pitches, groups, short, _MIDDLE)
    faster = pace / np.maximum(_usual(pace, groups, short, _MIDDLE), 0.5)
    for (at, voice), rise, higher, times in zip(heard, rises, pitch_rises, faster, strict=True):
        rated[at] = _rate(voice, float(rise), float(higher), float(times), paces[at])
    return rated


def _groups(lines: Sequence[TranscriptLine], voices: Sequence[LineVoice], channel: ChannelSound) -> list[int]:
    """Return whose each line is: a named channel is one side; otherwise by the speakers' labels, or by the voices."""
    if channel.name is not None:
        return [0] * len(lines)
    if all(line.speaker is not None for line in lines):
        names = sorted({str(line.speaker) for line in lines})
        return [names.index(str(line.speaker)) for line in lines]
    return speakers(voices)


def _usual(
    values: NDArray[np.float64], groups: NDArray[np.int64], short: NDArray[np.bool_], quantile: float
) -> NDArray[np.float64]:
    """Return for each line what is usual for its speaker, from lines that are long enough if there are two."""
    usual = np.empty_like(values)
    for group in np.unique(groups):
        own = groups == group
        enough = own & ~short
        measured = values[enough] if np.count_nonzero(enough) > 1 else values[own]
        usual[own] = np.quantile(measured, quantile, method="lower")
    return usual


def _rate(voice: LineVoice, rise: float, pitch_rise: float, faster: float, pace: float) -> LineSound:
    calm = 1 - _part(rise, _RISE_FROM, _RISE_TO)
    calm *= 1 - _PITCH_WEIGHT * _part(pitch_rise, _PITCH_FROM, _PITCH_TO)
    calm *= 1 - _PACE_WEIGHT * _part(faster, _PACE_FROM, _PACE_TO)
    steady = _STEADY_WEIGHT * _part(voice.pitch, _HIGH_FROM, _HIGH_TO) * _part(voice.tilt, _FLAT_FROM, _FLAT_TO)
    arousal = max(1 - calm, steady)
    raised = steady >= _RAISED_FROM or (arousal >= _RAISED_FROM and rise >= _RAISED_LEAST_RISE)
    return LineSound(
        arousal=round(arousal, 3),
        rise=round(max(rise, 0.0), 1),
        pitch_rise=round(pitch_rise, 1),
        pace=round(pace, 2),
        codes=(RAISED_VOICE,) if raised else (),
    )


def _part(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
