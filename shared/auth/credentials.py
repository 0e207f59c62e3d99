"""Extracts the bearer token from a request's headers, without parsing it."""

import re
from collections.abc import Iterable, Sequence

from shared.auth.errors import RejectReason, TokenRejected

SUBPROTOCOL = "roomtone"

_MAX_TOKEN_LENGTH = 16 * 1024
_AUTHORIZATION = re.compile(rb"bearer ([A-Za-z0-9_.-]+)", re.ASCII | re.IGNORECASE)
_SUBPROTOCOL_PREFIX = "bearer."


def bearer_token(headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()) -> str:
    """Return the token in `Authorization` (RFC 6750, section 2.1), or in a WebSocket subprotocol beside `roomtone`.

    Browsers can send no header with a WebSocket: they offer `bearer.<token>` instead. Header names are in lower case.
    Raises TokenRejected if there is no token, more than one, or one in another form or of more than 16 KiB.
    """
    in_headers = [value for name, value in headers if name == b"authorization"]
    in_subprotocols = [
        name for name in subprotocols if SUBPROTOCOL in subprotocols and name.startswith(_SUBPROTOCOL_PREFIX)
    ]
    if len(in_headers) + len(in_subprotocols) != 1:
        raise TokenRejected(RejectReason.AMBIGUOUS if in_headers or in_subprotocols else RejectReason.MISSING)
    if in_headers:
        return check_token_length(_token_in_header(in_headers[0]))
    return check_token_length(in_subprotocols[0].removeprefix(_SUBPROTOCOL_PREFIX))


def check_token_length(token: str) -> str:
    """Return `token`; raises TokenRejected if it has more than 16 KiB."""
    if len(token) > _MAX_TOKEN_LENGTH:
        raise TokenRejected(RejectReason.TOO_LONG)
    return token


def _token_in_header(value: bytes) -> str:
    match = _AUTHORIZATION.fullmatch(value)
    if match is None:
        raise TokenRejected(RejectReason.SCHEME)
    return match[1].decode()
