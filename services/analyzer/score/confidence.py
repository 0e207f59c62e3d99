"""How far a local score can be trusted, from 0 to 1: by how much was said, how well it was understood and recorded."""

import math
from dataclasses import dataclass

from services.analyzer.score.sound.protocol import SoundQuality

_MOST = 0.85  # fitted to lines that people did not rate
_LEXICON = 0.6  # of it, where a lexicon rates the words
_ENOUGH_SPEECH = 20.0  # seconds of speech that give two thirds
_USUAL_PACE = 2.2  # words a second of speech; half of it is taken for slow speech, less for words that were missed
_SURE, _UNSURE = 0.75, 0.35  # the recogniser's mean probability of a word: from here on 1, and down to here 0.2
_CLEAN, _NOISY = 20.0, 0.0  # dB of speech over noise
_LEAST_OF_NOISE = 0.4
_CLIPPED = 0.02  # share of clipped speech that costs the most
_LEAST_OF_CLIPPING = 0.6
_DISAGREEMENT = 0.2  # of the confidence is lost where words are hot and voices calm, or the other way round
_PARTIAL = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a confidence is made of; `recogniser` is None where the engine tells none, `arousal` where only words count.

    `pace` is in words for each second of speech; `words` is the heat by words alone and `arousal` that of the hottest
    lines' voices, 0 to 1.
    """

    speech_seconds: float
    pace: float
    recogniser: float | None
    quality: SoundQuality | None
    words: float
    arousal: float | None
    partial: bool
    by_lexicon: bool


def confidence(grounds: Grounds) -> float:
    """Return the confidence, 0 without any words."""
    if grounds.pace <= 0 or grounds.speech_seconds <= 0:
        return 0.0
    factors = [
        1 - math.exp(-grounds.speech_seconds / _ENOUGH_SPEECH),
        min(1.0, grounds.pace / (_USUAL_PACE / 2)),
        1.0 if grounds.recogniser is None else _between(grounds.recogniser, _UNSURE, _SURE, least=0.2),
        _LEXICON if grounds.by_lexicon else 1.0,
        _PARTIAL if grounds.partial else 1.0,
    ]
    if grounds.quality is not None:
        factors.append(_between(grounds.quality.snr, _NOISY, _CLEAN, least=_LEAST_OF_NOISE))
        factors.append(_between(_CLIPPED - grounds.quality.clipped, 0.0, _CLIPPED, least=_LEAST_OF_CLIPPING))
    if grounds.arousal is not None:
        factors.append(1 - _DISAGREEMENT * abs(grounds.words - grounds.arousal))
    return round(_MOST * math.prod(factors), 2)


def _between(value: float, low: float, high: float, *, least: float) -> float:
    """Return `least` for values up to `low`, 1 from `high` on, and what lies between in between."""
    return least + (1 - least) * min(max((value - low) / (high - low), 0.0), 1.0)
