"""The event that tells of a stored result, made from the result alone: the same however often it is told."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import TypeVar

from shared.domain.analysis import LANGUAGE_NOT_SUPPORTED, Analysis, Evidence, TranscriptLine
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import AnalysisCompleted, AnalysisFailed, StoredResult
from shared.domain.result import RecordingResult
from shared.observability.trace import Trace

_SERVICE = "analyzer"
_TRANSCRIPT_BYTES = 256 * 1024
_EVIDENCE_BYTES = 4 * 1024
_MOST_EVIDENCE = 5

PartT = TypeVar("PartT", TranscriptLine, Evidence)


def result_envelope(result: RecordingResult, stored: StoredResult, trace: Trace) -> Envelope:
    """Return `analysis.completed` of a stored result, or `analysis.failed` if its language could not be scored."""
    event = not_scored(stored) if result.analysis is None else _completed(result, result.analysis, stored)
    envelope = make_envelope(_SERVICE, result.key, event, cause=result.cause, trace=trace, lead=result.lead)
    return replace(envelope, time=datetime.fromisoformat(result.timestamp))


def not_scored(stored: StoredResult | None) -> AnalysisFailed:
    """Return the failure of a recording whose language the scorer does not understand."""
    reason = "The recording's language is not supported: it has a transcript and no score."
    return AnalysisFailed(code=LANGUAGE_NOT_SUPPORTED, reason=reason, result=stored)


def _completed(result: RecordingResult, analysis: Analysis, stored: StoredResult) -> AnalysisCompleted:
    """Return the event with as much of transcript and evidence as fits into a message on the bus (1 MiB)."""
    lines, truncated = fitting(result.transcript.segments, _TRANSCRIPT_BYTES)
    evidence, _ = fitting(analysis.evidence[:_MOST_EVIDENCE], _EVIDENCE_BYTES)
    return AnalysisCompleted(
        temperature=analysis.temperature,
        confidence=analysis.confidence,
        analysis_summary=analysis.summary,
        timestamp=result.timestamp,
        reason_codes=analysis.reason_codes,
        scorer=analysis.scorer,
        transcriber=result.transcript.engine,
        transcript=lines,
        transcript_truncated=truncated,
        language=result.transcript.language,
        partial=result.transcript.partial,
        needs_review=analysis.needs_review,
        evidence=evidence,
        channels=analysis.channels,
        result=stored,
    )


def fitting(parts: Iterable[PartT], max_bytes: int) -> tuple[tuple[PartT, ...], bool]:
    """Return the first parts, as many as fit into `max_bytes` of JSON, and whether any were left out."""
    kept: list[PartT] = []
    left = max_bytes
    for part in parts:
        left -= len(json.dumps(asdict(part))) + len(", ")
        if left < 0:
            return tuple(kept), True
        kept.append(part)
    return tuple(kept), False
