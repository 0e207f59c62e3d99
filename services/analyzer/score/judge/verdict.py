"""Makes an analysis of a language model's judgement, of what its quotes prove, and of what the local way found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.analyzer.score.evidence import CALMING
from services.analyzer.score.judge.evidence import Quote
from services.analyzer.score.judge.judgement import NOTABLE, GradeName, Judgement
from services.analyzer.score.judge.proof import Proof, prove
from services.analyzer.score.judge.scale import temperature_of
from services.analyzer.score.sound.arousal import RAISED_VOICE
from services.analyzer.score.summary import band_of, timestamp
from shared.domain.analysis import Analysis, Evidence, TranscriptLine

UNPROVEN = "unproven"
"""The reason code for grades that are higher than the quotes prove."""

DISPUTED = "disputed"
"""The reason code for grades that are lower than the local way's quotes allow."""

JUDGED_LOCALLY = "judged_locally"
"""The reason code for a score that was to come from the model service and came from the local scorer."""

BUDGET_REACHED = "budget_reached"
"""The reason code for what was done locally because the day's budget is used up."""

_REVIEW_GAP = 25  # of a temperature, between the two ways
_LEAST_SHARE = 0.6  # of the local temperature remains, however low the grades, where the local way has quotes for it
_LEAST_SHARE_OF_A_THREAT = (
    0.75  # ... for a threat, which nobody may miss, and which jokes and stories are seldom taken for
)
_THREAT = "threat"
_MOST_LOCAL_QUOTES = 3
_ENOUGH_SPEECH = 30.0  # seconds of speech from which on the confidence is the highest
_MOST_CONFIDENCE = 0.9
_ABOVE_LOCAL = 0.25  # by how much the confidence may exceed the local one, which knows how well speech was understood
_UNPROVEN_SHARE = 0.5  # of the confidence remains when high grades are not proven
_GAP_SHARE = 0.5  # of the confidence is lost when the two ways are 100 apart


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement of some lines, its quotes that hold, and the heat of their lines as far as a local rater knows it."""

    judgement: Judgement
    lines: Sequence[TranscriptLine]
    quotes: Sequence[Quote]
    heats: Mapping[int, float]


def verdict(judged: Judged, local: Analysis | None, *, scorer: str) -> Analysis:
    """Return the analysis; `local` is what the local way found, None for a language that it does not speak.

    Grades that are not proven count for no more than the local way finds; where it quotes heated words, no grades
    make less than a share of its temperature. Timeline and channels are the local way's.
    """
    judgement = judged.judgement
    proof = prove(judgement, judged.quotes, judged.heats)
    claimed = temperature_of(judgement.heating, judgement.deescalation)
    gap = 0 if local is None else abs(claimed - local.temperature)
    temperature = max(proof.temperature, min(claimed, local.temperature if local else 0))
    disputed = temperature < _least(local)
    temperature = max(temperature, _least(local))
    borrowed = _heated(local)[:_MOST_LOCAL_QUOTES] if temperature > proof.temperature else []
    codes = [name.value for name, grade in proof.heating.items() if grade >= NOTABLE]
    codes += [item.reason for item in borrowed]
    codes += [UNPROVEN] * (not proof.complete) + [DISPUTED] * disputed
    base = local or Analysis(temperature=temperature, confidence=0.0, summary="", scorer=scorer)
    return replace(
        base,
        temperature=temperature,
        confidence=_confidence(judged, proof, local, gap),
        summary=_summary(temperature, judged, proof, local, borrowed),
        reason_codes=tuple(dict.fromkeys(codes)),
        scorer=scorer,
        needs_review=gap > _REVIEW_GAP,
        evidence=(*_evidence(judged, proof), *borrowed),
    )


def judged_locally(local: Analysis, *causes: str) -> Analysis:
    """Return the local way's analysis, marked as one that was to come from the model service."""
    return replace(local, reason_codes=(*local.reason_codes, JUDGED_LOCALLY, *causes))


def _least(local: Analysis | None) -> int:
    """Return the lowest temperature that grades can make, 0 where the local way quotes nothing heated."""
    reasons = {item.reason for item in _heated(local)}
    if local is None or not reasons:
        return 0
    return int((_LEAST_SHARE_OF_A_THREAT if _THREAT in reasons else _LEAST_SHARE) * local.temperature)


def _heated(local: Analysis | None) -> list[Evidence]:
    """Return what the local way quotes as heated words; a raised voice may be joy, and the judge does not hear it."""
    evidence = () if local is None else local.evidence
    return [item for item in evidence if item.quote and item.reason not in CALMING and item.reason != RAISED_VOICE]


def _evidence(judged: Judged, proof: Proof) -> list[Evidence]:
    shown = [(name, quote, judged.lines[quote.line]) for name, quote in proof.quotes]
    return [
        Evidence(start=line.start, end=line.end, channel=line.channel, quote=quote.text, reason=name.value)
        for name, quote, line in shown
    ]


def _confidence(judged: Judged, proof: Proof, local: Analysis | None, gap: int) -> float:
    speech = sum(line.end - line.start for line in judged.lines)
    most = min(_MOST_CONFIDENCE, speech / _ENOUGH_SPEECH)
    if local is not None:
        most = min(most, local.confidence + _ABOVE_LOCAL)
    given = judged.judgement.evidence
    share = len(proof.quotes) / len(given) if given else 1.0
    share *= 1.0 if proof.complete else _UNPROVEN_SHARE
    return round(most * share * (1 - _GAP_SHARE * gap / 100), 2)


def _summary(
    temperature: int, judged: Judged, proof: Proof, local: Analysis | None, borrowed: Sequence[Evidence]
) -> str:
    graded = ", ".join(_graded(name, grade, proof) for name, grade in judged.judgement.heating.items())
    parts = [f"{band_of(temperature)}: graded by a language model, of 4 each: {graded}."]
    if proof.quotes:
        parts.append(f"Heard: {_quotes(_evidence(judged, proof))}.")
    if not proof.complete:
        more = ", or for what the local scorer finds if that is more" if local else ""
        parts.append(f"What is not proven counts as 1{more}.")
    if borrowed:
        reason = borrowed[0].reason.replace("_", " ")
        parts.append(f"The local scorer finds {reason}: {_quotes(borrowed)}.")
    return " ".join(parts)


def _graded(name: GradeName, grade: int, proof: Proof) -> str:
    shown = f"{name.value.replace('_', ' ')} {grade}"
    proven = proof.heating[name]
    if proven == grade:
        return shown
    return f"{shown} (proven: {proven})" if proven >= NOTABLE else f"{shown} (not proven)"


def _quotes(evidence: Sequence[Evidence]) -> str:
    """Return the first two quotes with their times; a quote may speak for several grades."""
    quotes = dict.fromkeys(f"“{item.quote}” at {timestamp(item.start)}" for item in evidence)
    return "; ".join(list(quotes)[:2])
