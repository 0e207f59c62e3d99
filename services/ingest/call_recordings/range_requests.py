"""Which bytes of a recording a `Range` header asks for (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.datastructures import Headers

from shared.domain.errors import RangeNotSatisfiable

_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)
_LONGEST_NUMBER = 18  # digits; whatever has more lies behind the end of everything


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many bytes these are."""
        return self.last - self.first + 1


def wanted_range(header: str, size: int) -> ByteRange | None:
    """Return the bytes that a Range header asks for of `size` bytes, its end clamped, or None for all of them.

    Other units, malformed ranges and several at once ask for all of them, as section 14.2 allows: a client may get
    more than it asked for, and many small parts cost us nothing. Raises OutsideRange.
    """
    match = _ONE_RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(_number(last), size)
    if last and _number(last) < _number(first):
        return None
    if _number(first) >= size:
        raise _outside(size)
    return ByteRange(_number(first), min(_number(last), size - 1) if last else size - 1)


def _suffix(length: int, size: int) -> ByteRange | None:
    if length == 0:
        raise _outside(size)
    return ByteRange(max(0, size - length), size - 1) if size else None  # no Content-Range can say "none of none"


def _number(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER


def _outside(size: int) -> RangeNotSatisfiable:
    return RangeNotSatisfiable(f"The recording has {size} bytes, and none of them is in that range.", size=size)


_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class CacheValidators:
    """A strong entity tag, quoted, and when the recording was stored, to the second."""

    etag: str
    modified: datetime

    @property
    def last_modified(self) -> str:
        """The date as HTTP writes it."""
        return format_datetime(self.modified, usegmt=True)

    def not_modified(self, headers: Headers) -> bool:
        """Whether the client has this very recording: by If-None-Match, and only without one by If-Modified-Since."""
        lines = headers.getlist("if-none-match")
        if lines:
            tags = ", ".join(lines)  # several lines are one list (RFC 9110, section 5.3)
            return tags.strip() == "*" or self.etag in _ENTITY_TAG.findall(tags)
        since = _date(headers.get("if-modified-since", ""))
        return since is not None and self.modified <= since

    def range_applies(self, headers: Headers) -> bool:
        """Whether a Range is about this recording: without If-Range, or with one that names it, never weakly."""
        condition = headers.get("if-range")
        return condition is None or condition.strip() in {self.etag, self.last_modified}


def cache_validators(sha256: str, stored_at: datetime) -> CacheValidators:
    """Return the validators of bytes with this hash."""
    return CacheValidators(f'"{sha256}"', stored_at.astimezone(UTC).replace(microsecond=0))


def _date(text: str) -> datetime | None:
    """Read an HTTP date; anything else says nothing."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
