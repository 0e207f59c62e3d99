"""Sound that is no raised voice: a soft far end, a moved microphone, channels in opposite phase, hum."""

from collections.abc import Callable, Mapping

import numpy as np

from tests.evaluation.dialogues import load
from tests.evaluation.product import Product, Reading
from tests.evaluation.result import Check, SuiteResult
from tests.evaluation.speech.samples import RATE, Samples, decibels, silence
from tests.evaluation.speech.studio import PAIRS, PAUSE, Studio

_CALM = ("cake-1", "garage-1", "house-1")
_PAIR = "joe"
_MOVES = 5
_RAISED = "raised_voice"
_HUM = 0.02  # of full scale, at 50 Hz, with as much DC


async def situations(product: Product, studio: Studio) -> SuiteResult:
    """Calm calls in which nobody raises the voice, and a hot one heard through the same mishaps."""
    checks: list[Check] = []
    temperatures: dict[str, int] = {}
    plain = {each: (await product.listen(_mono(_sides(studio, each)))).temperature for each in _CALM}
    for name, apply in _MISHAPS.items():
        readings = {each: await product.listen(apply(_sides(studio, each))) for each in _CALM}
        moved = max((readings[each].temperature - plain[each] for each in _CALM), key=abs)
        checks.append(
            Check(f"{name}: a calm call moves by at most {_MOVES}", f"{moved:+d}", f"≤ {_MOVES}", abs(moved) <= _MOVES)
        )
        raised = [each for each, reading in readings.items() if _RAISED in reading.reason_codes]
        checks.append(
            Check(f"{name}: no raised voice in {len(_CALM)} calm calls", f"{len(raised)} raised", "0", not raised)
        )
        temperatures |= {f"{each}, {name}": reading.temperature for each, reading in readings.items()}
    checks += await _hot(product, studio)
    worst = tuple(f"{check.name}: {check.got}" for check in checks if not check.passed)
    return SuiteResult(name="sound situations", checks=tuple(checks), temperatures=temperatures, worst=worst)


async def _hot(product: Product, studio: Studio) -> list[Check]:
    sides = _sides(studio, "taxi-5")
    mono = await product.listen(_mono(sides))
    checks = []
    for name, samples in {
        "antiphase": np.stack([_mono(sides), -_mono(sides)], axis=1),
        "equal channels": np.stack([_mono(sides)] * 2, axis=1),
        "hum": _with_hum(sides),
    }.items():
        reading = await product.listen(samples)
        change = reading.temperature - mono.temperature
        checks.append(
            Check(
                f"{name}: at most {_MOVES} points off of a hot call",
                f"{change:+d}",
                f"≤ {_MOVES}",
                abs(change) <= _MOVES,
            )
        )
        checks.append(_heard(name, reading))
    return checks


def _heard(name: str, reading: Reading) -> Check:
    return Check(f"{name}: speech is heard", f"confidence {reading.confidence}", "> 0", reading.confidence > 0)


def _sides(studio: Studio, identifier: str) -> Samples:
    """Return a dialogue line after line, with each speaker on a channel."""
    dialogue = next(each for each in load("ladders") if each.id == identifier)
    parts = []
    for line in dialogue.lines:
        voice = PAIRS[_PAIR]["ab".index(line.speaker)]
        said = np.concatenate([studio.say(line.text, voice) * decibels(line.gain), silence(PAUSE)])
        both = np.zeros((len(said), 2), np.float32)
        both[:, "ab".index(line.speaker)] = said
        parts.append(both)
    return np.concatenate(parts)


def _mono(sides: Samples) -> Samples:
    return np.asarray(sides.sum(axis=1), np.float32)


def _far_end_softer(sides: Samples) -> Samples:
    return np.asarray(sides[:, 0] + sides[:, 1] * decibels(-15), np.float32)


def _level_falls(sides: Samples) -> Samples:
    mono = _mono(sides)
    mono[len(mono) // 2 :] *= decibels(-14)
    return mono


def _level_rises(sides: Samples) -> Samples:
    mono = _mono(sides)
    mono[: len(mono) // 2] *= decibels(-14)
    return mono


def _with_hum(sides: Samples) -> Samples:
    time = np.arange(len(sides)) / RATE
    return np.asarray(sides.sum(axis=1) + _HUM * np.sin(2 * np.pi * 50 * time) + _HUM, np.float32)


_MISHAPS: Mapping[str, Callable[[Samples], Samples]] = {
    "far end 15 dB softer": _far_end_softer,
    "level falls by 14 dB halfway": _level_falls,
    "level rises by 14 dB halfway": _level_rises,
    "hum and DC": _with_hum,
}
