"""The ranges of RFC 9110, section 14, one case a line."""

import time

import pytest

from services.ingest.call_recordings.range_requests import ByteRange, parse_range
from shared.domain.errors import RangeNotSatisfiable

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-1", 0, 1),
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 999),
        ("bytes=500-", 500, 999),
        ("bytes=999-", 999, 999),
        ("bytes=0-999", 0, 999),
        ("bytes=0-1000", 0, 999),
        ("bytes=998-5000", 998, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-1000", 0, 999),
        ("bytes=-5000", 0, 999),
        ("BYTES=0-1", 0, 1),
        ("bytes= 0-1 ", 0, 1),
        ("bytes=000-001", 0, 1),
        (f"bytes=0-{'9' * 10_000}", 0, 999),
        (f"bytes=-{'9' * 10_000}", 0, 999),
    ],
)
def test_a_range_is_first_to_last_open_or_a_suffix_with_its_end_clamped(header: str, first: int, last: int) -> None:
    assert parse_range(header, SIZE) == ByteRange(first, last)


@pytest.mark.parametrize(
    "header",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-1", "bytes=1-2-3", "bytes=0x0-1"),
        *("bytes=+1-2", "bytes=--1", "bytes=0 - 1", "bytes=０-１", "bytes 0-1", "0-1", "items=0-1", "seconds=0-"),
        *("bytes=0-1,5-6", "bytes=0-1,", "bytes=,0-1", "bytes=-1,-2", "bytes=0-1;q=1", "bytes=0-1\x00"),
    ],
)
def test_what_is_malformed_of_another_unit_or_several_is_answered_whole(header: str) -> None:
    assert parse_range(header, SIZE) is None


@pytest.mark.parametrize(
    "header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", f"bytes={'9' * 10_000}-", "bytes=5000-6000"]
)
def test_a_range_without_any_byte_is_refused_and_says_how_many_there_are(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        parse_range(header, SIZE)
    assert refused.value.size == SIZE


def test_nothing_has_no_first_byte_and_all_of_it_for_a_suffix() -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range("bytes=0-", 0)
    assert parse_range("bytes=-5", 0) is None


def test_ten_thousand_parts_cost_next_to_nothing() -> None:
    header = "bytes=" + ",".join(f"{n}-{n}" for n in range(10_000))
    started = time.perf_counter()
    assert parse_range(header, SIZE) is None
    assert time.perf_counter() - started < 0.5
