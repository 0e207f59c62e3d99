from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.documents.object_keys import document_key, is_object_key, new_object_key
from shared.domain.errors import InvalidInput

MOMENT = datetime(2025, 1, 27, 12, 34, 56, tzinfo=UTC)


def test_an_object_key_has_its_tenant_and_the_time_of_signing() -> None:
    assert new_object_key("acme", "receipt.jpg", MOMENT).startswith("acme/documents/20250127_123456_")
    assert new_object_key("default", "receipt.jpg", MOMENT).startswith("default/documents/")


def test_two_object_keys_are_never_the_same() -> None:
    assert len({new_object_key("acme", "receipt.jpg", MOMENT) for _ in range(1000)}) == 1000


@given(name=st.text(max_size=5000))
def test_every_signed_key_can_be_registered_by_its_tenant_only(name: str) -> None:
    try:
        key = new_object_key("acme", name, MOMENT)
    except InvalidInput:
        return
    assert is_object_key("acme", key)
    assert not is_object_key("acm", key)
    assert not is_object_key("acme2", key)
    assert len(key.rpartition("/")[2].encode()) <= 255
    assert len(key.encode()) <= 1024


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a\\b", "a\nb", "a\x00", "%2e%2e", "\u202ea", "x" * 256])
def test_only_a_plain_name_under_the_prefix_is_an_object_key(name: str) -> None:
    assert not is_object_key("acme", f"acme/documents/{name}")


def test_an_object_has_one_id_in_each_tenant() -> None:
    assert document_key("acme", "x") == document_key("acme", "x")
    assert len({document_key("acme", "x").session, document_key("acme", "y").session}) == 2
    assert document_key("acme", "x").session != document_key("rival", "x").session


@pytest.mark.parametrize("key", ["audio_call.wav", "default", "documents", "acme", ".roomtone"])
def test_what_lies_at_the_top_of_the_bucket_is_no_tenants_document(key: str) -> None:
    assert not is_object_key("acme", key)
    assert not is_object_key("default", key)
