import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.analysis import ChannelAnalysis, Evidence, TranscriptLine
from shared.domain.envelope import Envelope, UndecodableEventError, decode, encode, make_envelope
from shared.domain.events import (
    EVENT_TYPES,
    AnalysisCompleted,
    AnalysisFailed,
    AudioFailed,
    AudioReady,
    ChunkReceived,
    DocumentRegistered,
    Event,
    SessionDeleted,
    SessionExpired,
    SessionFinalized,
    SessionOpened,
    StoredChannels,
    StoredOriginal,
    StoredResult,
    UploadSummary,
    WebhookDelivered,
    WebhookFailed,
)
from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import IndexedUpload, LeadRecording, RegisteredDocument
from shared.observability.trace import Trace

TRACE = Trace("call-7", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
KEY = SessionKey("default", "abc123")

ORIGINAL = StoredOriginal(
    url="https://b.a.r2.cloudflarestorage.com/uploads/abc123/call.mp3",
    object_key="uploads/abc123/call.mp3",
    filename="call.mp3",
    content_type="audio/mpeg",
    size_bytes=64_000,
    sha256="12" * 32,
)
RESULT = StoredResult(
    url="https://b.a.r2.cloudflarestorage.com/analysis_abc123.json",
    object_key="analysis_abc123.json",
    size_bytes=1_500,
    sha256="56" * 32,
)
CALL_LOG = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
UPLOAD_SUMMARIES = (
    UploadSummary(opened_at="2026-01-01T00:00:00Z", chunks=1, bytes=64_000),
    UploadSummary(
        opened_at="2026-01-01T00:00:00Z",
        chunks=1,
        bytes=64_000,
        purpose=IndexedUpload(main_service_file_id=123, filename="a_call.mp3", given_name="a call.mp3"),
    ),
    UploadSummary(
        opened_at="2026-01-01T00:00:00Z",
        chunks=1,
        bytes=64_000,
        purpose=LeadRecording(lead="17", call_log=CALL_LOG, filename="call.aac"),
    ),
    UploadSummary(
        opened_at="2026-01-01T00:00:00Z",
        chunks=0,
        bytes=64_000,
        purpose=RegisteredDocument(filename="a.mp3", object_key="t/a.mp3", size_bytes=64_000, mime_type="audio/mpeg"),
    ),
)

EXAMPLES: tuple[Event, ...] = (
    SessionOpened(),
    ChunkReceived(chunk_index=3, size=32_000, sha256="ab" * 32, total_chunks=4, total_size=128_000),
    SessionFinalized(manifest_sha256="cd" * 32, chunks=5, bytes=160_000),
    AudioReady(
        url="https://b.a.r2.cloudflarestorage.com/audio_abc123.wav",
        filename="audio_abc123.wav",
        object_key="audio_abc123.wav",
        size_bytes=160_044,
        sha256="ef" * 32,
        duration_seconds=5.0,
        manifest_sha256="cd" * 32,
        warnings=("half a sample",),
        channels=StoredChannels(
            object_key="channels_abc123.flac", size_bytes=90_000, sha256="01" * 32, names=("left", "right")
        ),
    ),
    AudioFailed(code="bad_media", reason="no", manifest_sha256="cd" * 32),
    *(
        AudioFailed(code="bad_media", reason="no", manifest_sha256="cd" * 32, original=ORIGINAL, intake=intake)
        for intake in UPLOAD_SUMMARIES
    ),
    AnalysisCompleted(
        temperature=75,
        confidence=0.85,
        analysis_summary="heated",
        timestamp="2026-01-01T00:00:00Z",
        scorer="local",
        transcriber="local",
        transcript=(TranscriptLine(start=0.5, end=2.0, text="Was soll das, hé?"),),
    ),
    AnalysisCompleted(
        temperature=75,
        confidence=0.85,
        analysis_summary="heated",
        timestamp="2026-01-01T00:00:00Z",
        scorer="local",
        transcriber="local",
        transcript=(
            TranscriptLine(
                start=0.5, end=2.0, text="Enough!", channel="left", speaker="left", speaker_source="channel"
            ),
        ),
        language="en",
        partial=True,
        needs_review=True,
        evidence=(Evidence(start=0.5, end=2.0, channel="left", quote="Enough!", reason="demand"),),
        channels=(
            ChannelAnalysis(
                name="left",
                temperature=75,
                talk_seconds=1.5,
                talk_share=1.0,
                overlap_seconds=0.0,
                interruptions=0,
                longest_monologue_seconds=1.5,
            ),
        ),
        result=RESULT,
    ),
    AnalysisFailed(code="unavailable", reason="no"),
    AnalysisFailed(code="language_not_supported", reason="no", result=RESULT),
    SessionExpired(chunks=2, bytes=64_000, untouched_since="2026-01-01T00:00:00Z"),
    SessionDeleted(objects=3, receipt_sha256="34" * 32),
    DocumentRegistered(
        filename="a.mp3",
        object_key="t/documents/a.mp3",
        url="https://b.a.r2.cloudflarestorage.com/t/documents/a.mp3",
        size_bytes=64_000,
        mime_type="audio/mpeg",
        created_at="2026-01-01T00:00:00Z",
        is_audio=True,
    ),
    WebhookDelivered(message_id="msg_1", attempts=1),
    WebhookFailed(message_id="msg_1", attempts=12, reason="the main service answered 500"),
)


def envelope_of(event: Event) -> Envelope:
    return Envelope(
        id="0" * 32,
        source="/roomtone/test",
        time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        key=KEY,
        trace=TRACE,
        event=event,
    )


def test_every_event_has_an_example_here() -> None:
    assert {type(event) for event in EXAMPLES} == set(EVENT_TYPES)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.NAME)
def test_an_event_is_decoded_as_it_was_encoded(event: Event) -> None:
    assert decode(encode(envelope_of(event))) == envelope_of(event)


def test_session_expired_has_these_members() -> None:
    expired = SessionExpired(chunks=2, bytes=64_000, untouched_since="2026-01-01T00:00:00Z")
    assert envelope_of(expired).subject == "roomtone.v1.default.abc123.session.expired"
    document = json.loads(encode(envelope_of(expired)))
    assert document["type"] == "roomtone.v1.session.expired"
    assert document["data"] == {"chunks": 2, "bytes": 64_000, "untouched_since": "2026-01-01T00:00:00Z"}


def test_a_chunk_event_is_these_bytes() -> None:
    assert encode(envelope_of(EXAMPLES[1])).decode() == (
        '{"specversion":"1.0","id":"00000000000000000000000000000000","source":"/roomtone/test",'
        '"type":"roomtone.v1.chunk.received","subject":"abc123","time":"2026-01-02T03:04:05Z",'
        '"datacontenttype":"application/json",'
        '"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","requestid":"call-7",'
        '"tenantid":"default","data":{"chunk_index":3,"size":32000,"sha256":"' + "ab" * 32 + '",'
        '"total_chunks":4,"total_size":128000}}'
    )


def test_a_score_that_an_older_version_published_is_read_with_nothing_in_its_newer_members() -> None:
    document = json.loads(encode(envelope_of(AnalysisFailed(code="x", reason="y"))))
    document["type"] = "roomtone.v1.analysis.completed"
    document["data"] = {
        "temperature": 12,
        "confidence": 0.5,
        "analysis_summary": "calm",
        "timestamp": "2026-01-01T00:00:00Z",
        "reason_codes": ["little_speech"],
        "scorer": "local-1",
        "transcriber": "moonshine-tiny-en",
        "transcript": [{"start": 0.5, "end": 1.0, "text": "Hello."}],
        "transcript_truncated": True,
    }
    event = decode(json.dumps(document).encode()).event
    assert isinstance(event, AnalysisCompleted)
    assert event.transcript == (TranscriptLine(start=0.5, end=1.0, text="Hello."),)
    assert (event.result, event.language, event.evidence, event.channels) == (None, None, (), ())


def test_an_event_of_a_lead_recording_names_the_lead_and_is_the_same_otherwise() -> None:
    plain, of_a_lead = envelope_of(EXAMPLES[1]), replace(envelope_of(EXAMPLES[1]), lead="17")
    assert encode(of_a_lead).decode() == encode(plain).decode().replace(
        '"tenantid":"default"', '"tenantid":"default","leadid":"17"'
    )
    assert decode(encode(of_a_lead)) == of_a_lead


def test_members_of_a_later_version_are_ignored() -> None:
    document = json.loads(encode(envelope_of(EXAMPLES[2])))
    document["data"]["new"] = {"deep": [1]}
    document["newextension"] = "x"
    assert decode(json.dumps(document).encode()).event == EXAMPLES[2]


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"specversion":"1.0"}',
        b'{"specversion":"1.0","id":"1","source":"x","type":"y"}',
    ],
)
def test_bytes_that_are_not_a_roomtone_event_are_undecodable(payload: bytes) -> None:
    with pytest.raises(UndecodableEventError):
        decode(payload)


def test_an_event_without_a_member_of_its_data_is_undecodable() -> None:
    document = json.loads(encode(envelope_of(EXAMPLES[1])))
    del document["data"]["size"]
    with pytest.raises(UndecodableEventError):
        decode(json.dumps(document).encode())


def test_an_event_id_depends_on_session_event_and_cause_alone() -> None:
    first = make_envelope("ingest", KEY, EXAMPLES[0], cause="x", trace=TRACE)
    again = make_envelope("ingest", KEY, EXAMPLES[0], cause="x", trace=Trace("other", TRACE.traceparent))
    assert first.id == again.id
    others = {
        make_envelope("ingest", KEY, EXAMPLES[0], cause="y", trace=TRACE).id,
        make_envelope("ingest", KEY, EXAMPLES[2], cause="x", trace=TRACE).id,
        make_envelope("ingest", SessionKey("default", "abc"), EXAMPLES[0], cause="x", trace=TRACE).id,
        make_envelope("ingest", SessionKey("defaul", "tabc123"), EXAMPLES[0], cause="x", trace=TRACE).id,
    }
    assert len(others | {first.id}) == 5


def test_the_subject_names_tenant_session_and_event() -> None:
    subject = envelope_of(EXAMPLES[3]).subject
    assert subject == "roomtone.v1.default.abc123.audio.ready"
    assert SessionKey.of_subject(subject) == KEY


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", ".", "a\nb", "x" * 129, None, 7])
@pytest.mark.parametrize("member", ["subject", "tenantid", "leadid"])
def test_an_event_with_an_identifier_that_http_would_reject_is_undecodable(member: str, name: object) -> None:
    document = json.loads(encode(envelope_of(EXAMPLES[0])))
    document[member] = name
    with pytest.raises(UndecodableEventError):
        decode(json.dumps(document).encode())
