"""The token that a request carries, taken out of its headers and not looked into."""

import re
from collections.abc import Iterable, Sequence

from shared.auth.errors import RejectReason, TokenRejected

SUBPROTOCOL = "roomtone"

_MAX_TOKEN = 16 * 1024
_HEADER = re.compile(rb"bearer ([A-Za-z0-9_.-]+)", re.ASCII | re.IGNORECASE)
_IN_SUBPROTOCOL = "bearer."


def bearer_token(headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()) -> str:
    """Return the token in `Authorization` (RFC 6750, section 2.1), or in a browser's subprotocols beside `roomtone`.

    Header names come in lower case. Raises TokenRejected if there is no token, more than one, or one in another
    shape or of more than 16 KiB.
    """
    given = [value for name, value in headers if name == b"authorization"]
    offered = [name for name in subprotocols if name.startswith(_IN_SUBPROTOCOL)] if SUBPROTOCOL in subprotocols else []
    if len(given) + len(offered) != 1:
        raise TokenRejected(RejectReason.AMBIGUOUS if given or offered else RejectReason.MISSING)
    return check_token_length(_in_header(given[0]) if given else offered[0].removeprefix(_IN_SUBPROTOCOL))


def check_token_length(token: str) -> str:
    """Return `token`; raises TokenRejected if it has more than 16 KiB."""
    if len(token) > _MAX_TOKEN:
        raise TokenRejected(RejectReason.TOO_LONG)
    return token


def _in_header(value: bytes) -> str:
    match = _HEADER.fullmatch(value)
    if match is None:
        raise TokenRejected(RejectReason.SCHEME)
    return match[1].decode()
