"""Identifiers that callers choose (session, tenant and lead ids, chunk indices), and the key of a session."""

import re
from dataclasses import dataclass
from typing import Self

from shared.domain.errors import InvalidInput

DEFAULT_TENANT = "default"
MAX_CHUNK_INDEX = 9_999_999

IDENTIFIER_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"}
INDEX_SCHEMA = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,6})$"}

_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_INDEX = re.compile(r"0|[1-9][0-9]{0,6}", re.ASCII)


def parse_identifier(text: str, what: str) -> str:
    """Return `text` if it is a well-formed identifier; raises InvalidInput otherwise, with `what` as its name."""
    # An identifier becomes the name of a directory, a part of an object key and a token of a subject.
    if _PATTERN.fullmatch(text) is None:
        raise InvalidInput(f"{what} must be 1 to 128 characters of A-Z, a-z, 0-9, '_' and '-'.", code=f"invalid_{what}")
    return text


def parse_chunk_index(text: str) -> int:
    """Parse a 0-based chunk index: decimal ASCII digits, no sign, no leading zero, at most 9,999,999.

    Raises InvalidInput for anything else, so that `01`, `0x1` or full-width digits never alias an index.
    """
    if _INDEX.fullmatch(text) is None:
        raise InvalidInput(
            "chunk_index must be a whole number from 0 to 9999999, in plain digits without leading zeros.",
            code="invalid_chunk_index",
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class SessionKey:
    """The key of a session everywhere: its tenant and its id."""

    tenant: str
    session: str

    @classmethod
    def of_subject(cls, subject: str) -> Self:
        """Return the key of the session in an event's subject."""
        _, _, tenant, session, _ = subject.split(".", 4)
        return cls(tenant, session)
