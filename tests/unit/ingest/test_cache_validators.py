"""Conditional requests by RFC 9110, sections 8.8 and 13."""

from datetime import UTC, datetime

import pytest
from starlette.datastructures import Headers

from services.ingest.playback.range_requests import cache_validators

SHA256 = "ab" * 32
VALID = cache_validators(SHA256, datetime(2025, 1, 27, 12, 34, 56, 789_000, tzinfo=UTC))
DATE = "Mon, 27 Jan 2025 12:34:56 GMT"
LATER = "Mon, 27 Jan 2025 12:34:57 GMT"
EARLIER = "Mon, 27 Jan 2025 12:34:55 GMT"


def test_the_etag_is_strong_and_the_date_is_an_http_date() -> None:
    assert (VALID.etag, VALID.last_modified) == (f'"{SHA256}"', DATE)


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, False),
        ({"If-None-Match": f'"{SHA256}"'}, True),
        ({"If-None-Match": f'W/"{SHA256}"'}, True),
        ({"If-None-Match": f'"other", "a,b" , "{SHA256}"'}, True),
        ({"If-None-Match": "*"}, True),
        ({"If-None-Match": '"other"'}, False),
        ({"If-None-Match": SHA256}, False),
        ({"If-None-Match": ""}, False),
        ({"If-Modified-Since": DATE}, True),
        ({"If-Modified-Since": LATER}, True),
        ({"If-Modified-Since": EARLIER}, False),
        ({"If-Modified-Since": "yesterday"}, False),
        ({"If-Modified-Since": "Mon, 27 Jan 99999 12:34:56 GMT"}, False),
        ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, False),
        ({"If-None-Match": f'"{SHA256}"', "If-Modified-Since": EARLIER}, True),
    ],
)
def test_a_copy_is_current_by_its_etag_and_only_without_one_by_its_date(headers: dict[str, str], known: bool) -> None:  # noqa: FBT001
    assert VALID.not_modified(Headers(headers)) is known


def test_several_if_none_match_lines_are_one_list() -> None:
    lines = [(b"if-none-match", f'"{tag}"'.encode()) for tag in ("other", SHA256, "third")]
    assert VALID.not_modified(Headers(raw=lines))
    assert not VALID.not_modified(Headers(raw=[lines[0], lines[2]]))


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        (None, True),
        (f'"{SHA256}"', True),
        (DATE, True),
        (f'W/"{SHA256}"', False),
        ('"other"', False),
        (LATER, False),
        (EARLIER, False),
        ("*", False),
    ],
)
def test_a_range_applies_only_if_if_range_matches_strongly(condition: str | None, applies: bool) -> None:  # noqa: FBT001
    headers = {} if condition is None else {"If-Range": condition}
    assert VALID.range_applies(Headers(headers)) is applies
