"""Groups the lines of one channel by voice: speakers, and the near and the far end of a telephone.

The two ends of a telephone differ by 10 to 20 dB in one channel, and nobody raised a voice. So voices are told apart
by what gain does not change: pitch and spectral shape. It need not be right about who spoke: lines put together by
mistake are only compared with more of a conversation than their own speaker's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.sound.line_voice import LineVoice

_PITCH_SCALE = 2.0  # semitones by which the median pitch of a calm speaker's lines wanders
_SHAPE_SCALE = 5.0  # dB, of a band
_APART = 2.0  # distance between two voices, in those units
_CLEAR = 3.0  # how many times the spread inside the groups lies between them
_ALONE, _PITCH_APART = 2.0, 1.0  # distance of pitch alone that takes a voice of one line, and of two
_LEAST_ALIKE = 3  # lines, where only the shape differs: that of fewer is their words'
_MOST_SPEAKERS = 6
_ROUNDS = 12

_SIDES_APART = 7.0  # dB between two sides that sound alike
_SIDES_TIGHT = 2.5  # dB of spread in each: people who quarrel vary more
_SIDES_ALTERNATE = 0.7  # of the turns change sides
_LEAST_TURNS = 4

_RAISED_DB, _RAISED_PITCH, _RAISED_TILT = 5.0, 1.5, 2.0  # what shouting adds at least: dB, semitones, dB
_RAISED_PITCH_MOST = 14.0
_SHOUTED_DB, _SHOUTED_PITCH_MOST = 10.0, 9.0  # dB and semitones, where the spectrum does not show it
_BEFORE_SHOUTING = 3  # lines: other speakers have said something by then
_SIDES = 2  # of a call: who comes when both have spoken is seldom a third


def speakers(voices: Sequence[LineVoice]) -> list[int]:
    """Return for each voice, in order of time, the number of the speaker or the side that it belongs to."""
    if not voices:
        return []
    features = np.array([[voice.pitch / _PITCH_SCALE, *(voice.shape / _SHAPE_SCALE / 2)] for voice in voices])
    groups = _bisected(features)
    groups = _with_raised_voices(groups, voices)
    levels = np.array([voice.level for voice in voices])
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == group)
        louder = _louder_side(levels[members])
        if louder is not None:
            groups[members[louder]] = groups.max() + 1
    return [int(group) for group in groups]


def _bisected(features: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return groups by splitting the largest in two for as long as the halves are clearly apart."""
    groups = np.zeros(len(features), np.int64)
    whole: set[int] = set()
    while (count := int(groups.max()) + 1) < _MOST_SPEAKERS:
        left = [group for group in range(count) if group not in whole]
        if not left:
            break
        group = max(left, key=lambda number: np.count_nonzero(groups == number))
        members = np.flatnonzero(groups == group)
        half = _halves(features[members])
        if half is None:
            whole.add(group)
        else:
            groups[members[half]] = count
    return groups


def _halves(features: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return which rows belong to the second of two groups (2-means), or None where it is one group."""
    centred = features - features.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    second = along > (along.min() + along.max()) / 2
    for _ in range(_ROUNDS):
        if second.all() or not second.any():
            return None
        centres = np.stack([features[~second].mean(axis=0), features[second].mean(axis=0)])
        distance = np.square(features[:, None] - centres).sum(axis=2)
        nearer = distance[:, 1] < distance[:, 0]
        if (nearer == second).all():
            break
        second = nearer
    if second.all() or not second.any():
        return None
    between = features[second].mean(axis=0) - features[~second].mean(axis=0)
    apart = float(np.linalg.norm(between))
    on_axis = features @ (between / max(apart, 1e-9))
    inside = np.where(second, on_axis - on_axis[second].mean(), on_axis - on_axis[~second].mean())
    spread = float(np.sqrt(np.square(inside).sum() / max(len(features) - 2, 1)))
    fewest = min(np.count_nonzero(second), np.count_nonzero(~second))
    if abs(between[0]) < (_ALONE if fewest == 1 else _PITCH_APART) and fewest < _LEAST_ALIKE:
        return None
    return second if apart >= max(_APART, _CLEAR * spread) else None


def _with_raised_voices(groups: NDArray[np.int64], voices: Sequence[LineVoice]) -> NDArray[np.int64]:
    """Return the groups, where one that begins late and differs as a raised voice does joins whose voice it is."""
    merged = groups.copy()
    count = int(groups.max()) + 1
    firsts = [int(np.flatnonzero(groups == group)[0]) for group in range(count)]
    usual = [
        _middle([voice for voice, of in zip(voices, groups, strict=True) if of == group]) for group in range(count)
    ]
    for group in range(count):
        earlier = [other for other in range(count) if firsts[other] < firsts[group]]
        both = len(earlier) >= _SIDES
        if firsts[group] < _BEFORE_SHOUTING and not both:
            continue
        calm = [other for other in earlier if _is_raised(usual[group] - usual[other], both=both)]
        if calm:
            nearest = min(calm, key=lambda other: float(usual[group][1] - usual[other][1]))
            merged[merged == group] = merged[firsts[nearest]]
    return np.unique(merged, return_inverse=True)[1]


def _middle(voices: Sequence[LineVoice]) -> NDArray[np.float64]:
    return np.median([(voice.level, voice.pitch, voice.tilt) for voice in voices], axis=0)


def _is_raised(change: NDArray[np.float64], *, both: bool) -> bool:
    """Whether a voice differs from another as a raised one does; where both sides are known, the tilt may stay."""
    level, pitch, tilt = change
    if both and level >= _SHOUTED_DB and _RAISED_PITCH <= pitch <= _SHOUTED_PITCH_MOST:
        return True
    return bool(level >= _RAISED_DB and _RAISED_PITCH <= pitch <= _RAISED_PITCH_MOST and tilt >= _RAISED_TILT)


def _louder_side(levels: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return which lines are the louder of two sides that alternate from the beginning, or None without such."""
    if len(levels) < _LEAST_TURNS:
        return None
    ordered = np.sort(levels)
    cut = int(np.argmax(np.diff(ordered)))
    louder = levels > (ordered[cut] + ordered[cut + 1]) / 2
    if not louder.any():  # all are equally loud
        return None
    soft, loud = levels[~louder], levels[louder]
    if loud.mean() - soft.mean() < _SIDES_APART or max(soft.std(), loud.std()) > _SIDES_TIGHT:
        return None
    changes = np.count_nonzero(louder[1:] != louder[:-1]) / (len(levels) - 1)
    return louder if changes >= _SIDES_ALTERNATE and louder[0] != louder[1] else None
