"""Writes a local score as a sentence or two that name what was found and where, so that a reader can check it."""

from collections.abc import Sequence

from services.analyzer.score.findings import ScoredLine
from services.analyzer.score.fusion import is_loud
from services.analyzer.score.words.lexicon import NEGATIVE_WORDS, line_sentiment
from shared.domain.analysis import Analysis

_LONGEST_QUOTE = 12  # words
_QUOTE_STEP = 4
_BANDS = ((20, "Calm"), (40, "Mostly calm"), (60, "Tense"), (80, "Heated"), (100, "Very heated"))


def band_of(temperature: int) -> str:
    """Return the name of the band that a temperature (1 to 100) falls into."""
    return next(word for most, word in _BANDS if temperature <= most)


def no_speech(scorer: str) -> Analysis:
    """Return the score of a recording in which nobody speaks."""
    return Analysis(
        temperature=1,
        confidence=0.0,
        summary="No speech was found in the recording, so there is nothing to score.",
        reason_codes=("no_speech",),
        scorer=scorer,
    )


def summarize(temperature: int, scored: Sequence[ScoredLine]) -> str:
    """Return two or three sentences that say why a recording of at least one line got its temperature."""
    return (
        f"{band_of(temperature)}: {_of_words(scored)}; {_of_voice(scored)}. "
        "A first estimate from words and loudness, not calibrated."
    )


def _of_words(scored: Sequence[ScoredLine]) -> str:
    noted = [item for item in scored if item.codes]
    hostile = [item for item in noted if item.codes != (NEGATIVE_WORDS,)]
    if not noted:
        return f"no hostile words in {_lines(len(scored))}"
    worst = max(hostile or noted, key=lambda item: item.features.hostility)
    quoted = f"at {timestamp(worst.line.start)} (“{quote(worst.line.text)}”)"
    if not hostile:
        return f"no hostile words in {_lines(len(scored))}, negative ones in {len(noted)}, such as {quoted}"
    return f"hostile words in {len(hostile)} of {_lines(len(scored))}, most of all {quoted}"


def _of_voice(scored: Sequence[ScoredLine]) -> str:
    loudest = max(scored, key=lambda item: item.features.rise)
    if not is_loud(loudest.features):
        return "no voice rises much above the usual loudness"
    rise, where = round(loudest.features.rise), timestamp(loudest.line.start)
    return f"a voice rises {rise} dB above the usual loudness at {where}"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def timestamp(seconds: float) -> str:
    """Write seconds as minutes and seconds, `0:07` or `61:07`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def quote(text: str) -> str:
    """Return the 12 most hostile words in a row of a line, with ellipses where something is left out."""
    words = text.split()
    if len(words) <= _LONGEST_QUOTE:
        return " ".join(words)
    starts = [*range(0, len(words) - _LONGEST_QUOTE, _QUOTE_STEP), len(words) - _LONGEST_QUOTE]
    windows = {start: " ".join(words[start : start + _LONGEST_QUOTE]) for start in starts}
    best = max(starts, key=lambda start: line_sentiment(windows[start]).hostility)
    before, after = "…" if best else "", "…" if best < starts[-1] else ""
    return f"{before}{windows[best]}{after}"
