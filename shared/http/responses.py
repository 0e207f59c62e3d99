"""JSON responses, and the HTTP status and headers of each error."""

import errno
from collections.abc import Mapping
from typing import assert_never

from pydantic import TypeAdapter
from starlette.responses import Response

from shared.domain.errors import (
    ErrorKind,
    NotAllowed,
    NotAuthenticated,
    OutOfSpace,
    RangeNotSatisfiable,
    RateLimited,
    RoomtoneError,
    TooSlow,
    Unavailable,
)

JSON = "application/json"


_ADAPTERS: dict[object, TypeAdapter[object]] = {}


def type_adapter(kind: type) -> TypeAdapter[object]:
    """Return a dataclass's reader and writer of JSON; cached, as there are a few dozen dataclasses."""
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        adapter = _ADAPTERS[kind] = TypeAdapter(kind)
    return adapter


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a dataclass as a JSON response."""
    content = type_adapter(type(body)).dump_json(body)
    return Response(content, status, headers, media_type=JSON)


def http_status(kind: ErrorKind) -> int:  # noqa: C901, PLR0912  # one case a branch
    """Return the status of a kind of error (RFC 9110, section 15; 429: RFC 6585; 507: RFC 4918)."""
    match kind:
        case ErrorKind.INVALID | ErrorKind.EMPTY_SESSION:
            return 400
        case ErrorKind.NOT_AUTHENTICATED:
            return 401
        case ErrorKind.NOT_ALLOWED:
            return 403
        case ErrorKind.NOT_FOUND:
            return 404
        case ErrorKind.TOO_SLOW:
            return 408
        case ErrorKind.CONFLICT:
            return 409
        case ErrorKind.PRECONDITION_FAILED:
            return 412
        case ErrorKind.TOO_LARGE:
            return 413
        case ErrorKind.UNSUPPORTED:
            return 415
        case ErrorKind.RANGE_NOT_SATISFIABLE:
            return 416
        case ErrorKind.RATE_LIMITED:
            return 429
        case ErrorKind.PERMANENT:
            return 500
        case ErrorKind.UNAVAILABLE:
            return 503
        case ErrorKind.OUT_OF_SPACE:
            return 507
        case _:
            assert_never(kind)


_OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def error_from_os_error(error: OSError) -> RoomtoneError:
    """Return OutOfSpace or Unavailable for an error of the disk; the message has no paths."""
    if error.errno in _OUT_OF_SPACE:
        return OutOfSpace("The disk is full: nothing of this request was kept, try again later.")
    return Unavailable("The disk refused the write: nothing of this request was kept, try again.")


_RETRY_AFTER_SECONDS = 5


def error_headers(error: RoomtoneError) -> dict[str, str]:
    """Return the headers that an error's status asks for; challenges as RFC 6750, section 3, writes them."""
    match error:
        case NotAuthenticated():
            return {"WWW-Authenticate": 'Bearer error="invalid_token"' if error.invalid_token else "Bearer"}
        case NotAllowed(scope=str(scope)):
            return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
        case RateLimited():
            return {"Retry-After": str(error.retry_after)}
        case RangeNotSatisfiable():
            return {"Content-Range": f"bytes */{error.size}"}
        case TooSlow():
            return {"Connection": "close"}  # the rest of its body is not waited for (RFC 9110, section 15.5.9)
        case _ if error.kind in {ErrorKind.UNAVAILABLE, ErrorKind.OUT_OF_SPACE}:
            return {"Retry-After": str(_RETRY_AFTER_SECONDS)}
        case _:
            return {}
