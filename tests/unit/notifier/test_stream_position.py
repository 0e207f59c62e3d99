"""Where the feed goes on from."""

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


def test_at_first_sight_only_what_is_new_is_followed() -> None:
    assert resume_position(stream(BIRTH, 9), None) == StreamPosition(BIRTH, 9)


@given(st.integers(0, 100), st.integers(0, 100))
def test_after_an_interruption_nothing_that_was_stored_meanwhile_is_left_out(applied: int, last: int) -> None:
    assert resume_position(stream(BIRTH, last), StreamPosition(BIRTH, applied)).applied == min(applied, last)


def test_a_stream_made_anew_is_followed_from_its_beginning() -> None:
    assert resume_position(stream(REBIRTH, 100), StreamPosition(BIRTH, 50)) == StreamPosition(REBIRTH, 0)
