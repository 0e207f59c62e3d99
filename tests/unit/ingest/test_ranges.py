"""Range headers by RFC 9110, section 14."""

import time

import pytest

from services.ingest.playback.range_requests import ByteRange, parse_range
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
def test_a_range_is_closed_open_or_a_suffix_and_its_end_is_clamped(header: str, first: int, last: int) -> None:
    assert parse_range(header, SIZE) == ByteRange(first, last)


@pytest.mark.parametrize(
    "header",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-1", "bytes=1-2-3", "bytes=0x0-1"),
        *("bytes=+1-2", "bytes=--1", "bytes=0 - 1", "bytes=０-１", "bytes 0-1", "0-1", "items=0-1", "seconds=0-"),
        *("bytes=0-1,5-6", "bytes=0-1,", "bytes=,0-1", "bytes=-1,-2", "bytes=0-1;q=1", "bytes=0-1\x00"),
    ],
)
def test_malformed_ranges_other_units_and_several_ranges_ask_for_all_bytes(header: str) -> None:
    assert parse_range(header, SIZE) is None


@pytest.mark.parametrize(
    "header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", f"bytes={'9' * 10_000}-", "bytes=5000-6000"]
)
def test_a_range_behind_the_end_is_rejected_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as rejected:
        parse_range(header, SIZE)
    assert rejected.value.size == SIZE


def test_an_empty_recording_has_no_range_but_all_of_it_for_a_suffix() -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range("bytes=0-", 0)
    assert parse_range("bytes=-5", 0) is None


def test_ten_thousand_ranges_are_parsed_at_once_as_all_bytes() -> None:
    header = "bytes=" + ",".join(f"{n}-{n}" for n in range(10_000))
    started = time.perf_counter()
    assert parse_range(header, SIZE) is None
    assert time.perf_counter() - started < 0.5
