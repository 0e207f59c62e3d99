"""Rates how aroused each line sounds against the usual of its channel or speaker: loudness, pitch, pace.

Sound says only how aroused a voice is; whether it is anger or joy, the words say.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.sound.level_step import without_step
from services.analyzer.score.sound.line_voice import LineVoice, frames_of, line_voices
from services.analyzer.score.sound.protocol import FRAMES_PER_SECOND, ChannelSound, LineSound
from services.analyzer.score.sound.speakers import speakers
from shared.domain.analysis import TranscriptLine

RAISED_VOICE = "raised_voice"

_USUAL = 0.2  # of a speaker's lines are softer than usual: most of a quarrel may be shouted
_RISES, _AROUSALS = (6.0, 8.5, 9.5, 13.5), (0.0, 0.15, 0.4, 1.0)  # dB; a shout lies 15 above (Traunmüller 2000)
_PITCH_FROM, _PITCH_TO, _PITCH_WORTH = 2.5, 8.0, 5.0  # semitones, and dB of rise; questions and joy rise too
_PACE_FROM, _PACE_TO, _PACE_WORTH = 1.3, 2.0, 1.0  # times the usual pace, and dB of rise
_CUES_FROM, _CUES_TO = 1.0, 5.0  # dB of rise that pitch and pace need to count as arousal
_HIGH_FROM, _HIGH_TO = 24.0, 31.0  # semitones above 55 Hz, 220 to 330 Hz: few speak there, unless they shout
_FLAT_FROM, _FLAT_TO = -14.0, -4.0  # dB of tilt; relaxed voices have -16 or less
_SHOUTED, _STEADY = (0.4, 0.6, 0.7, 1.0), (0.0, 0.15, 0.4, 0.6)  # children and some microphones sound like this too
_RAISED_FROM = 0.35  # below it, what sounds aroused adds a few degrees at most
_AFTERWARDS = FRAMES_PER_SECOND // 5  # of a pause, in which a room still sounds
_LEAST_PAUSE = 4  # frames
_QUIET = 0.25
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
    levels = without_step(np.array([voice.level for voice in voices]), pitches, groups, _pauses(lines, heard, channel))
    pace = np.array([paces[at] for at, _ in heard])
    short = np.array([voice.voiced < _SHORT for voice in voices])
    rises = levels - _usual(levels, groups, short, _USUAL)
    pitch_rises = pitches - _usual(pitches, groups, short, _MIDDLE)
    faster = pace / np.maximum(_usual(pace, groups, short, _MIDDLE), 0.5)
    for (at, voice), rise, higher, times in zip(heard, rises, pitch_rises, faster, strict=True):
        rated[at] = _rate(voice, float(rise), float(higher), float(times), paces[at])
    return rated


def _pauses(
    lines: Sequence[TranscriptLine], heard: Sequence[tuple[int, LineVoice]], channel: ChannelSound
) -> NDArray[np.float64]:
    """Return the level in dBFS of the pause behind each line that is heard, NaN where there is none."""
    levels = channel.frames.levels
    ends = np.array([frames_of(line).stop for line in lines])
    starts = np.sort([frames_of(line).start for line in lines])
    pauses = np.full(len(heard), np.nan)
    for number, (at, _) in enumerate(heard):
        later = starts[starts >= ends[at]]
        pause = levels[ends[at] + _AFTERWARDS : (later[0] if len(later) else len(levels)) - _AFTERWARDS // 2]
        if len(pause) >= _LEAST_PAUSE:
            pauses[number] = np.quantile(pause, _QUIET)
    return pauses


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
    cues = _PITCH_WORTH * _part(pitch_rise, _PITCH_FROM, _PITCH_TO) + _PACE_WORTH * _part(faster, _PACE_FROM, _PACE_TO)
    evidence = rise + cues * _part(rise, _CUES_FROM, _CUES_TO)
    shouted = _part(voice.pitch, _HIGH_FROM, _HIGH_TO) * _part(voice.tilt, _FLAT_FROM, _FLAT_TO)
    arousal = round(max(_between(evidence, _RISES, _AROUSALS), _between(shouted, _SHOUTED, _STEADY)), 3)
    return LineSound(
        arousal=arousal,
        rise=round(max(rise, 0.0), 1),
        pitch_rise=round(pitch_rise, 1),
        pace=round(pace, 2),
        codes=(RAISED_VOICE,) if arousal >= _RAISED_FROM else (),
    )


def _between(value: float, values: Sequence[float], results: Sequence[float]) -> float:
    return float(np.interp(value, values, results))


def _part(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
