"""Which bytes of a recording a `Range` header asks for (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

from shared.errors import OutsideRange

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


def _outside(size: int) -> OutsideRange:
    return OutsideRange(f"The recording has {size} bytes, and none of them is in that range.", size=size)
