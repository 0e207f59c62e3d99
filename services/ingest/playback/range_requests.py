"""Range and conditional requests for a recording: `Range`, `If-Range`, ETag and Last-Modified (RFC 9110, 13 and 14)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.datastructures import Headers

from shared.domain.errors import PreconditionFailed, RangeNotSatisfiable

_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)
_MAX_DIGITS = 18  # a longer number is behind the end of any recording


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Range of bytes from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """The range's length in bytes."""
        return self.last - self.first + 1


def parse_range(header: str, size: int) -> ByteRange | None:
    """Return the range that a Range header asks for of `size` bytes, clamped to the end, or None for all of them.

    None also for other units, malformed ranges and several ranges at once (allowed by section 14.2). Raises
    RangeNotSatisfiable.
    """
    # Several ranges get all bytes: a client may get more than it asked for, and we need not serve many small parts.
    match = _ONE_RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(_number(last), size)
    if last and _number(last) < _number(first):
        return None
    if _number(first) >= size:
        raise _not_satisfiable(size)
    return ByteRange(_number(first), min(_number(last), size - 1) if last else size - 1)


def _suffix(length: int, size: int) -> ByteRange | None:
    if length == 0:
        raise _not_satisfiable(size)
    return ByteRange(max(0, size - length), size - 1) if size else None  # no Content-Range can say "none of none"


def _number(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _not_satisfiable(size: int) -> RangeNotSatisfiable:
    return RangeNotSatisfiable(f"The recording has {size} bytes, and none of them is in that range.", size=size)


_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
_STRONG_TAG = re.compile(r'(?<!W/)("[^"]*")')


@dataclass(frozen=True, slots=True)
class CacheValidators:
    """Validators of a recording: a strong entity tag, quoted, and its time of storage, to the second."""

    etag: str
    modified: datetime

    @property
    def last_modified(self) -> str:
        """The time of storage as an HTTP date."""
        return format_datetime(self.modified, usegmt=True)

    def check_preconditions(self, headers: Headers) -> None:
        """Raise PreconditionFailed if the caller wants another version: by If-Match, else by If-Unmodified-Since."""
        lines = headers.getlist("if-match")
        if lines:
            tags = ", ".join(lines)
            wanted = tags.strip() == "*" or self.etag in _STRONG_TAG.findall(tags)
        else:
            since = _date(headers.get("if-unmodified-since", ""))
            wanted = since is None or self.modified <= since
        if not wanted:
            raise PreconditionFailed("The recording is another one than the request names: get it anew.")

    def not_modified(self, headers: Headers) -> bool:
        """Whether the client's copy is current: by If-None-Match, or without that header by If-Modified-Since."""
        lines = headers.getlist("if-none-match")
        if lines:
            tags = ", ".join(lines)  # several lines are one list (RFC 9110, section 5.3)
            return tags.strip() == "*" or self.etag in _ENTITY_TAG.findall(tags)
        since = _date(headers.get("if-modified-since", ""))
        return since is not None and self.modified <= since

    def range_applies(self, headers: Headers) -> bool:
        """Whether a Range applies: without If-Range, or with one that equals a validator (strong comparison)."""
        condition = headers.get("if-range")
        return condition is None or condition.strip() in {self.etag, self.last_modified}


def cache_validators(sha256: str, stored_at: datetime) -> CacheValidators:
    """Return the validators of a recording with this hash, stored at this time."""
    return CacheValidators(f'"{sha256}"', stored_at.astimezone(UTC).replace(microsecond=0))


def _date(text: str) -> datetime | None:
    """Parse an HTTP date; None for anything else."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
