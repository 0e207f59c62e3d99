"""Golden bytes of all frames, which existing clients rely on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.frames import (
    DEFAULT_EVENT_NAMES,
    EVENT_NAMES,
    FRAMES,
    PROGRESS,
    SUBJECTS,
    event_frame,
    heartbeat_frame,
    hello_frame,
    retry_after_frame,
)
from shared.domain.events import AnalysisFailed, AudioFailed, Event
from tests.unit.notifier.samples import AUDIO_READY, MOMENT, analysis, chunk, happened

GOLDEN: list[tuple[Event, str]] = [
    (
        AUDIO_READY,
        (
            '{"event":"audio_ready","session_id":"abc123","url":"https://bucket.example/audio_abc123.wav",'
            '"filename":"audio_abc123.wav","size_bytes":160044,"id":"7","timestamp":"2025-01-27T12:34:56.789Z"}'
        ),
    ),
    (
        AudioFailed(code="bad_media", reason="Not audio.", manifest_sha256="1" * 64),
        (
            '{"event":"audio_failed","session_id":"abc123","reason":"Not audio.","code":"bad_media",'
            '"id":"7","timestamp":"2025-01-27T12:34:56.789Z"}'
        ),
    ),
    (
        analysis(summary="Discussion animée"),
        (
            '{"event":"analysis_ready","session_id":"abc123","temperature":75,"confidence":0.85,'
            '"analysis_summary":"Discussion anim\\u00e9e","timestamp":"2025-01-27T12:34:55Z","id":"7"}'
        ),
    ),
    (
        AnalysisFailed(code="unavailable", reason="The model did not answer."),
        (
            '{"event":"analysis_failed","session_id":"abc123","reason":"The model did not answer.",'
            '"code":"unavailable","id":"7","timestamp":"2025-01-27T12:34:56.789Z"}'
        ),
    ),
    (
        chunk(4),
        (
            '{"event":"chunk_received","session_id":"abc123","chunk_index":4,"size":32000,"total_chunks":5,'
            '"total_size":160000,"id":"7","timestamp":"2025-01-27T12:34:56.789Z"}'
        ),
    ),
]


@pytest.mark.parametrize(("event", "text"), GOLDEN, ids=lambda value: type(value).__name__)
def test_an_event_is_encoded_in_exactly_these_bytes(event: Event, text: str) -> None:
    assert event_frame(FRAMES[type(event)], happened(event), 7) == text


def test_every_kind_of_frame_has_its_golden_bytes() -> None:
    assert {type(event) for event, _ in GOLDEN} == set(FRAMES)


def test_the_frames_about_the_connection_have_exactly_these_bytes() -> None:
    assert hello_frame(7, MOMENT, heartbeat_seconds=15.0) == (
        '{"event":"hello","heartbeat_seconds":15.0,"id":"7","timestamp":"2025-01-27T12:34:56.789Z"}'
    )
    assert heartbeat_frame(7, MOMENT) == '{"event":"heartbeat","id":"7","timestamp":"2025-01-27T12:34:56.789Z"}'
    assert retry_after_frame(7, MOMENT, seconds=2.5) == (
        '{"event":"retry_after","retry_after":2.5,"id":"7","timestamp":"2025-01-27T12:34:56.789Z"}'
    )


def test_progress_is_sent_only_on_request() -> None:
    on_request = EVENT_NAMES - DEFAULT_EVENT_NAMES
    assert on_request == {"chunk_received"}


def test_the_consumer_filters_exactly_the_events_that_have_frames_and_are_kept() -> None:
    assert {*SUBJECTS, PROGRESS} == {f"roomtone.v1.*.*.{kind.NAME}" for kind in FRAMES}
    assert PROGRESS not in SUBJECTS


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_survives_encoding_and_its_length_is_its_size(summary: str) -> None:
    event = analysis(summary=summary)
    text = event_frame(FRAMES[type(event)], happened(event), 1)
    assert len(text.encode()) == len(text)
    assert json.loads(text)["analysis_summary"] == summary
