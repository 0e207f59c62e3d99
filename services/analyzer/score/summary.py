"""Writes an analysis as a sentence or two that name what was found and where, so that a reader can check it."""

from collections.abc import Sequence
from dataclasses import replace

from services.analyzer.score.evidence import CALMING
from services.analyzer.score.fusion import LineHeat
from shared.domain.analysis import LANGUAGE_NOT_SUPPORTED, Analysis, ChannelAnalysis, Evidence

_BANDS = ((20, "Calm"), (40, "Mostly calm"), (60, "Tense"), (80, "Heated"), (100, "Very heated"))
_MOST_QUOTES = 2
_APART = 15  # degrees between two sides that are worth a word


def band_of(temperature: int) -> str:
    """Return the name of the band that a temperature (1 to 100) falls into."""
    return next(word for most, word in _BANDS if temperature <= most)


def no_speech(scorer: str, seconds: float) -> Analysis:
    """Return the analysis of a recording of so many seconds in which nobody speaks."""
    said = "No speech was found in the recording, so there is nothing to score."
    return replace(_unscored(scorer, "no_speech", said), silence_seconds=round(seconds, 2))


def language_not_supported(scorer: str) -> Analysis:
    """Return what stands for an analysis where the speech is in a language that the models do not understand."""
    said = "The speech is not in English, which is the only language that is scored without a model service."
    return _unscored(scorer, LANGUAGE_NOT_SUPPORTED, said)


def too_little_understood(scorer: str, notes: Sequence[str]) -> Analysis:
    """Return what stands for an analysis where somebody speaks, and too little was understood to tell what is said.

    `notes` are more reason codes, such as `noisy`.
    """
    said = "Too little of the speech was understood to tell what is said, so there is nothing to score."
    return _unscored(scorer, "too_little_understood", said, *notes)


def _unscored(scorer: str, reason: str, summary: str, *notes: str) -> Analysis:
    return Analysis(temperature=1, confidence=0.0, summary=summary, reason_codes=(reason, *notes), scorer=scorer)


def summarize(
    temperature: int,
    heats: Sequence[LineHeat],
    evidence: Sequence[Evidence],
    channels: Sequence[ChannelAnalysis],
    *,
    voices: bool,
    calibrated: bool,
) -> str:
    """Return two or three sentences that say why a recording of at least one line got its temperature."""
    parts = [_of_words(heats, evidence)]
    if voices:
        parts.append(_of_voice(heats))
    parts += _of_channels(channels)
    sources = "words and voice" if voices else "words alone"
    last = f"From {sources}, calibrated with rated recordings." if calibrated else f"A first estimate from {sources}"
    return f"{band_of(temperature)}: {'; '.join(parts)}. {last if calibrated else last + ', not calibrated.'}"


def _of_words(heats: Sequence[LineHeat], evidence: Sequence[Evidence]) -> str:
    heating = [item for item in heats if any(kind not in CALMING for kind in item.words.kinds)]
    by_line = {
        (item.start, item.channel): item for item in reversed(evidence) if item.quote and item.reason not in CALMING
    }
    quoted = list(reversed(by_line.values()))[:_MOST_QUOTES]  # of a line with several reasons its first
    if not heating or not quoted:
        return f"no heated words in {_lines(len(heats))}"
    shown = ", ".join(f"{item.reason.replace('_', ' ')} at {timestamp(item.start)} (“{item.quote}”)" for item in quoted)
    return f"heated words in {len(heating)} of {_lines(len(heats))}, most of all {shown}"


def _of_voice(heats: Sequence[LineHeat]) -> str:
    loudest = max(heats, key=lambda item: item.sound.arousal)
    if not loudest.sound.codes:
        return "no voice rises much above its usual"
    rise = round(loudest.sound.rise)
    how = f"rises {rise} dB above its usual" if rise > 0 else "is raised"
    return f"a voice {how} at {timestamp(loudest.line.start)}"


def _of_channels(channels: Sequence[ChannelAnalysis]) -> list[str]:
    if len(channels) < 2:  # noqa: PLR2004  # two sides are compared
        return []
    hot, cool = sorted(channels, key=lambda channel: -channel.temperature)[:2]
    if hot.temperature - cool.temperature < _APART:
        return []
    return [f"{hot.name} is the hotter side ({hot.temperature} to {cool.temperature})"]


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def timestamp(seconds: float) -> str:
    """Write seconds as minutes and seconds, `0:07` or `61:07`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
