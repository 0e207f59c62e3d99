import json
from dataclasses import replace

import pytest

from shared.catalog.record import CatalogRecord, apply_event
from shared.domain.analysis import Analysis, Evidence, Transcript, TranscriptLine
from shared.domain.envelope import encode, make_envelope
from shared.domain.events import AnalysisCompleted, AnalysisFailed, StoredResult
from shared.domain.identifiers import SessionKey
from shared.domain.result import RecordingResult, UnreadableResultError, decode_result, encode_result
from shared.domain.result_events import result_envelope
from shared.observability.trace import new_trace

KEY = SessionKey("acme", "call-7")
STORED = StoredResult(url="https://bucket/x", object_key="acme/analysis_call-7.json", size_bytes=9, sha256="ab" * 32)
RESULT = RecordingResult(
    tenant="acme",
    session="call-7",
    lead="17",
    cause="0" * 32,
    audio_time="2026-01-01T00:00:00.000Z",
    timestamp="2026-01-01T00:01:00.000Z",
    transcript=Transcript(
        language="en",
        engine="some-model",
        partial=True,
        segments=(TranscriptLine(start=0.5, end=2.0, text="Wörd.", channel="left"),),
    ),
    analysis=Analysis(
        temperature=61,
        confidence=0.5,
        summary="Heated.",
        scorer="some-scorer",
        reason_codes=("demand",),
        needs_review=True,
        evidence=tuple(
            Evidence(start=at, end=at + 1, channel=None, quote="give it back", reason="demand") for at in range(9)
        ),
        silence_seconds=1.25,
    ),
)
UNSCORED = replace(RESULT, analysis=None)


@pytest.mark.parametrize("result", [RESULT, UNSCORED])
def test_a_result_is_read_as_it_was_written_and_always_the_same_bytes(result: RecordingResult) -> None:
    body = encode_result(result)
    assert decode_result(body) == result
    assert encode_result(decode_result(body)) == body
    assert json.loads(body)["version"] == 1


def test_members_that_were_added_later_are_ignored() -> None:
    document = json.loads(encode_result(RESULT))
    document["new"] = document["transcript"]["new"] = document["analysis"]["new"] = {"deep": [1]}
    assert decode_result(json.dumps(document).encode()) == RESULT


@pytest.mark.parametrize("change", [{"version": 2}, {"transcript": None}, {"session": 7}, {"analysis": {}}])
def test_what_is_no_result_of_this_version_is_unreadable(change: dict[str, object]) -> None:
    document = json.loads(encode_result(RESULT)) | change
    with pytest.raises(UnreadableResultError):
        decode_result(json.dumps(document).encode())
    with pytest.raises(UnreadableResultError):
        decode_result(b"RIFF")


def test_the_event_of_a_result_is_the_same_however_often_it_is_made() -> None:
    trace = new_trace("a-request")
    first, again = result_envelope(RESULT, STORED, trace), result_envelope(RESULT, STORED, trace)
    assert encode(first) == encode(again)
    assert (first.lead, first.time.isoformat()) == ("17", "2026-01-01T00:01:00+00:00")
    event = first.event
    assert isinstance(event, AnalysisCompleted)
    assert (event.temperature, event.language, event.partial, event.needs_review) == (61, "en", True, True)
    assert (len(event.evidence), event.result) == (5, STORED)


def test_a_result_without_a_score_makes_a_failure_that_points_to_the_transcript() -> None:
    event = result_envelope(UNSCORED, STORED, new_trace()).event
    assert isinstance(event, AnalysisFailed)
    assert (event.code, event.result) == ("language_not_supported", STORED)


def folded(*events: AnalysisCompleted | AnalysisFailed) -> CatalogRecord:
    record: CatalogRecord | None = None
    for number, event in enumerate(events):
        record = apply_event(record, make_envelope("analyzer", KEY, event, cause=str(number), trace=new_trace()))
    assert record is not None
    return record


def test_the_catalog_keeps_what_a_score_points_to_and_nothing_that_was_said() -> None:
    event = result_envelope(RESULT, STORED, new_trace()).event
    assert isinstance(event, AnalysisCompleted)
    kept = folded(event).analysis
    assert isinstance(kept, AnalysisCompleted)
    assert kept == replace(event, transcript=(), evidence=())


def test_a_later_failure_takes_away_neither_a_score_nor_a_transcript() -> None:
    failure = AnalysisFailed(code="model_failed", reason="no")
    with_transcript = AnalysisFailed(code="language_not_supported", reason="no", result=STORED)
    scored = result_envelope(RESULT, STORED, new_trace()).event
    assert isinstance(scored, AnalysisCompleted)
    assert folded(with_transcript, failure).analysis == replace(failure, result=STORED)
    assert isinstance(folded(scored, with_transcript, failure).analysis, AnalysisCompleted)
    assert isinstance(folded(failure, scored).analysis, AnalysisCompleted)
