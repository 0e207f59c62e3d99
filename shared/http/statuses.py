"""The one place where errors become HTTP statuses."""

import errno
from typing import assert_never

from shared.errors import Kind, OutOfSpace, RoomtoneError, Unavailable


def status_of(kind: Kind) -> int:  # noqa: C901, PLR0912  # one case a branch
    """Return the status for a branch of the error tree (RFC 9110, section 15; 429: RFC 6585; 507: RFC 4918)."""
    match kind:
        case Kind.INVALID | Kind.NOTHING_THERE:
            return 400
        case Kind.NOT_AUTHENTICATED:
            return 401
        case Kind.NOT_ALLOWED:
            return 403
        case Kind.NOT_FOUND:
            return 404
        case Kind.TOO_SLOW:
            return 408
        case Kind.CONFLICT:
            return 409
        case Kind.TOO_LARGE:
            return 413
        case Kind.UNSUPPORTED:
            return 415
        case Kind.OUTSIDE_RANGE:
            return 416
        case Kind.TOO_MANY:
            return 429
        case Kind.PERMANENT:
            return 500
        case Kind.UNAVAILABLE:
            return 503
        case Kind.OUT_OF_SPACE:
            return 507
        case _:
            assert_never(kind)


_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def of_os_error(error: OSError) -> RoomtoneError:
    """Name what the disk said without repeating paths: short of space, or failing."""
    if error.errno in _SPACE:
        return OutOfSpace("The disk is full: nothing of this request was kept, try again later.")
    return Unavailable("The disk refused the write: nothing of this request was kept, try again.")
