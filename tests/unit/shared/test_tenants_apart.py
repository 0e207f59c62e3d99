"""Two tenants may give one name to a session of each: nothing of one is where the other's is."""

import pytest

from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import (
    bought_answer_key,
    channels_key,
    documents_prefix,
    event_archive_key,
    event_archive_prefix,
    is_archived_event,
    path_within_tenant,
    tenant_key,
    upload_key,
    wav_key,
)
from shared.domain.subjects import dead_letter_subject, dead_letters_of_session, event_subject, session_filter

TENANTS = ("default", "acme", "acme-2")


@pytest.mark.parametrize(
    "place",
    [
        wav_key,
        channels_key,
        lambda key: upload_key(key, "a.wav"),
        lambda key: tenant_key(key.tenant, "recordings/1_2.wav"),
        lambda key: documents_prefix(key.tenant),
        event_archive_prefix,
        lambda key: event_archive_key(key, "audio.ready"),
        lambda key: bought_answer_key(key, "a" * 64),
        lambda key: event_subject(key, "audio.ready"),
        session_filter,
        lambda key: dead_letter_subject("queue", key, "1"),
        dead_letters_of_session,
    ],
)
def test_what_two_tenants_call_alike_lies_in_two_places(place: object) -> None:
    assert callable(place)
    assert len({place(SessionKey(tenant, "call")) for tenant in TENANTS}) == len(TENANTS)


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_path_among_a_tenants_objects_is_found_again_from_its_key(tenant: str) -> None:
    assert path_within_tenant(tenant, tenant_key(tenant, "a/b.wav")) == "a/b.wav"


def test_only_events_in_the_archive_are_read_as_events() -> None:
    key = SessionKey("acme", "call")
    assert is_archived_event(event_archive_key(key, "audio.ready"))
    assert not is_archived_event(bought_answer_key(key, "a" * 64))
    assert bought_answer_key(key, "a" * 64).startswith(event_archive_prefix(key))
