"""The position on the stream from which the feed goes on."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from nats.js.api import StreamConfig, StreamInfo, StreamState

from services.notifier.feed import StreamPosition, resume_position

BIRTH = datetime(2025, 1, 1, tzinfo=UTC)
REBIRTH = datetime(2025, 1, 2, tzinfo=UTC)


def stream(created: datetime, last: int) -> StreamInfo:
    state = StreamState(messages=last, bytes=0, first_seq=1, last_seq=last, consumer_count=0)
    return StreamInfo(config=StreamConfig(), state=state, created=created)


def test_at_start_up_only_new_events_are_followed() -> None:
    assert resume_position(stream(BIRTH, 9), None) == StreamPosition(BIRTH, 9)


@given(st.integers(0, 100), st.integers(0, 100))
def test_after_an_interruption_no_event_stored_meanwhile_is_skipped(applied: int, last: int) -> None:
    assert resume_position(stream(BIRTH, last), StreamPosition(BIRTH, applied)).applied == min(applied, last)


def test_a_stream_created_again_is_followed_from_its_first_event() -> None:
    assert resume_position(stream(REBIRTH, 100), StreamPosition(BIRTH, 50)) == StreamPosition(REBIRTH, 0)
