"""What tells whether a client's copy of a recording is still the one (RFC 9110, sections 8.8 and 13)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.datastructures import Headers

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class Validators:
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


def validators(sha256: str, stored_at: datetime) -> Validators:
    """Return the validators of bytes with this hash."""
    return Validators(f'"{sha256}"', stored_at.astimezone(UTC).replace(microsecond=0))


def _date(text: str) -> datetime | None:
    """Read an HTTP date; anything else says nothing."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
