"""Makes an analysis of a language model's judgement, the quotes that hold, and what the local way found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.analyzer.score.judge.evidence import quoted
from services.analyzer.score.judge.judgement import NOTABLE, GradeName, Judgement, temperature_of
from services.analyzer.score.summary import band_of, timestamp
from shared.domain.analysis import Analysis, Evidence, TranscriptLine

UNPROVEN = "unproven"
"""The reason code for high grades that no quote proves."""

JUDGED_LOCALLY = "judged_locally"
"""The reason code for a score that was to come from the model service and came from the local scorer."""

BUDGET_REACHED = "budget_reached"
"""The reason code for what was done locally because the day's budget is used up."""

_REVIEW_GAP = 25  # of a temperature, between the two ways
_ENOUGH_SPEECH = 30.0  # seconds of speech from which on the confidence is the highest
_MOST_CONFIDENCE = 0.9
_ABOVE_LOCAL = 0.25  # by how much the confidence may exceed the local one, which knows how well speech was understood
_UNPROVEN_SHARE = 0.5  # of the confidence remains when high grades are not proven
_GAP_SHARE = 0.5  # of the confidence is lost when the two ways are 100 apart
_UNPROVEN_GRADE = 1  # what a high grade counts for without a proof, where no local way says more


@dataclass(frozen=True, slots=True)
class _Proven:
    """A judgement's evidence that holds, the part of its evidence that does, and the grades that are believed."""

    evidence: tuple[Evidence, ...]
    share: float
    heating: dict[GradeName, int]
    deescalation: int
    complete: bool

    @property
    def temperature(self) -> int:
        return temperature_of(self.heating, self.deescalation)


def verdict(judgement: Judgement, lines: Sequence[TranscriptLine], local: Analysis | None, *, scorer: str) -> Analysis:
    """Return the analysis; `local` is what the local way found, None for a language that it does not speak.

    High grades without a quote that holds count for no more than the local way finds. Timeline and channels are the
    local way's.
    """
    proven = _prove(judgement, lines, unproven=_UNPROVEN_GRADE if local is None else 0)
    claimed = temperature_of(judgement.heating, judgement.deescalation)
    temperature = proven.temperature
    if local is not None:
        temperature = max(temperature, min(claimed, local.temperature)) if not proven.complete else claimed
    codes = [name.value for name, grade in proven.heating.items() if grade >= NOTABLE]
    gap = 0 if local is None else abs(claimed - local.temperature)
    base = local or Analysis(temperature=temperature, confidence=0.0, summary="", scorer=scorer)
    return replace(
        base,
        temperature=temperature,
        confidence=_confidence(proven, lines, local, gap),
        summary=_summary(temperature, proven),
        reason_codes=tuple(codes if proven.complete else [*codes, UNPROVEN]),
        scorer=scorer,
        needs_review=gap > _REVIEW_GAP,
        evidence=proven.evidence,
    )


def judged_locally(local: Analysis, *causes: str) -> Analysis:
    """Return the local way's analysis, marked as one that was to come from the model service."""
    return replace(local, reason_codes=(*local.reason_codes, JUDGED_LOCALLY, *causes))


def _prove(judgement: Judgement, lines: Sequence[TranscriptLine], *, unproven: int) -> _Proven:
    strongest = max(judgement.heating, key=judgement.heating.__getitem__)
    evidence: list[Evidence] = []
    names: set[GradeName] = set()
    for item in judgement.evidence:
        quote = quoted(item, lines)
        if quote is not None:
            line = lines[item.line]
            names |= set(GradeName) if item.reason is None else {item.reason}
            reason = (item.reason or strongest).value
            evidence.append(Evidence(start=line.start, end=line.end, channel=line.channel, quote=quote, reason=reason))

    def believed(name: GradeName, grade: int) -> int:
        return grade if grade < NOTABLE or name in names else unproven

    heating = {name: believed(name, grade) for name, grade in judgement.heating.items()}
    return _Proven(
        evidence=tuple(evidence),
        share=len(evidence) / len(judgement.evidence) if judgement.evidence else 1.0,
        heating=heating,
        deescalation=believed(GradeName.DEESCALATION, judgement.deescalation),
        complete=heating == judgement.heating,
    )


def _confidence(proven: _Proven, lines: Sequence[TranscriptLine], local: Analysis | None, gap: int) -> float:
    speech = sum(line.end - line.start for line in lines)
    most = min(_MOST_CONFIDENCE, speech / _ENOUGH_SPEECH)
    if local is not None:
        most = min(most, local.confidence + _ABOVE_LOCAL)
    share = proven.share if proven.complete else proven.share * _UNPROVEN_SHARE
    return round(most * share * (1 - _GAP_SHARE * gap / 100), 2)


def _summary(temperature: int, proven: _Proven) -> str:
    graded = ", ".join(f"{name.replace('_', ' ')} {grade}" for name, grade in proven.heating.items())
    quotes = "; ".join(f"“{item.quote}” at {timestamp(item.start)}" for item in proven.evidence[:2])
    heard = f" Heard: {quotes}." if quotes else ""
    doubt = "" if proven.complete else " It graded higher without a quote that proves it, which was not counted."
    return f"{band_of(temperature)}: graded by a language model with {graded} of 4.{heard}{doubt}"
