"""Subscriptions, and how a URL's query is parsed."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.frames import EVENT_NAMES
from services.notifier.subscription import MAX_SESSIONS, Subscription, parse_subscription, reject_url_tokens
from shared.domain.errors import InvalidInput
from shared.domain.identifiers import SessionKey

IDENTIFIERS = st.text("abcXYZ019_-", min_size=1, max_size=8)


def parse(query: str) -> Subscription:
    pairs = parse_qsl(query, keep_blank_values=True)
    reject_url_tokens(pairs)
    return parse_subscription(pairs, tenant="default", leads=None)


def test_without_a_filter_all_events_of_the_tenant_but_progress_pass() -> None:
    everything = parse("")
    assert everything.wants(SessionKey("default", "any"), "audio_ready", None)
    assert everything.wants(SessionKey("default", "any"), "analysis_failed", None)
    assert not everything.wants(SessionKey("default", "any"), "chunk_received", None)
    assert not everything.wants(SessionKey("other", "any"), "audio_ready", None)


def test_events_of_named_sessions_pass_and_no_others() -> None:
    two = parse("session_id=a&session_id=b&session_id=a")
    assert [two.wants(SessionKey("default", name), "audio_ready", None) for name in "abc"] == [True, True, False]


def test_another_tenants_session_of_the_same_name_does_not_pass() -> None:
    assert not parse("session_id=a").wants(SessionKey("other", "a"), "audio_ready", None)


@pytest.mark.parametrize(
    ("leads", "received"),
    [(None, [True, True, True]), (frozenset({"8"}), [True, False, True]), (frozenset[str](), [True, False, False])],
)
def test_events_of_a_lead_pass_for_listeners_with_that_lead_and_others_for_all(
    leads: frozenset[str] | None, received: list[bool]
) -> None:
    wanted = parse_subscription([], tenant="default", leads=leads)
    key = SessionKey("default", "a")
    assert [wanted.wants(key, "audio_ready", lead) for lead in (None, "7", "8")] == received


@pytest.mark.parametrize(
    "query",
    [
        "events=audio_ready,chunk_received",
        "events=audio_ready&events=%20chunk_received",
        "_=1&x=y&events=chunk_received,audio_ready",
    ],
)
def test_named_events_pass_and_no_others(query: str) -> None:
    assert parse(query).events == {"audio_ready", "chunk_received"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("events=", "unknown_event"),
        ("events=audio_ready,", "unknown_event"),
        ("events=audio.ready", "unknown_event"),
        ("session_id=", "invalid_session_id"),
        ("session_id=../x", "invalid_session_id"),
        ("session_id=*", "invalid_session_id"),
        ("session_id=" + "a" * 129, "invalid_session_id"),
        ("&".join(f"session_id=s{number}" for number in range(MAX_SESSIONS + 1)), "too_many_sessions"),
        ("token=x", "token_in_url"),
        ("access_token=x", "token_in_url"),
        ("Authorization=Bearer%20x", "token_in_url"),
        ("since=12", "since_not_supported"),
    ],
)
def test_an_invalid_query_is_rejected_with_its_code(query: str, code: str) -> None:
    with pytest.raises(InvalidInput) as rejected:
        parse(query)
    assert rejected.value.code == code


def test_an_error_does_not_repeat_the_token() -> None:
    with pytest.raises(InvalidInput) as rejected:
        parse("token=s3cr3t")
    assert "s3cr3t" not in rejected.value.message


@given(st.frozensets(IDENTIFIERS, max_size=5), st.frozensets(st.sampled_from(sorted(EVENT_NAMES))), IDENTIFIERS)
def test_a_filter_only_ever_narrows(sessions: frozenset[str], events: frozenset[str], session: str) -> None:
    pairs = [("session_id", name) for name in sessions] + ([("events", ",".join(events))] if events else [])
    wanted = parse_subscription(pairs, tenant="default", leads=None)
    for event in EVENT_NAMES:
        received = wanted.wants(SessionKey("default", session), event, None)
        expected = (session in sessions if sessions else True) and (
            event in events if events else event != "chunk_received"
        )
        assert received == expected
