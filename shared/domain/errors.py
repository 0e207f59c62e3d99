"""The errors of all services, as one small tree that knows nothing of HTTP.

RoomtoneError
├── CallerError             the caller must change something
│   ├── NotAuthenticated    no token, or an invalid one
│   ├── NotAllowed          a valid token that does not cover this
│   ├── InvalidInput        malformed request, identifier or field
│   ├── EmptySession        a session without chunks: nothing to finalize
│   ├── NotFound            no such thing for this caller
│   ├── TooLarge            over a declared or counted limit
│   ├── Unsupported         a content type or content encoding that is not supported
│   ├── TooSlow             the sender stalled
│   ├── RateLimited         more requests than one caller may send (retryable, later)
│   ├── RangeNotSatisfiable a range without a byte of the recording
│   ├── PreconditionFailed  another version than the request names
│   └── Conflict            other bytes, late chunk, missing indices
├── OutOfSpace              the spool's disk is short or full (retryable)
├── Unavailable             an engine or model is not available (retryable)
└── Permanent               the recording itself can't be processed
    └── BadMedia            not audio, broken, too long
"""

from enum import Enum, auto


class ErrorKind(Enum):
    """The branch of the tree that an error belongs to; the HTTP edge matches on it exhaustively."""

    NOT_AUTHENTICATED = auto()
    NOT_ALLOWED = auto()
    INVALID = auto()
    EMPTY_SESSION = auto()
    NOT_FOUND = auto()
    TOO_LARGE = auto()
    UNSUPPORTED = auto()
    TOO_SLOW = auto()
    RATE_LIMITED = auto()
    RANGE_NOT_SATISFIABLE = auto()
    PRECONDITION_FAILED = auto()
    CONFLICT = auto()
    OUT_OF_SPACE = auto()
    UNAVAILABLE = auto()
    PERMANENT = auto()


class RoomtoneError(Exception):
    """An error with a stable code and a message that tells the caller what to do; a retry may help if `retryable`."""

    kind: ErrorKind
    retryable = False
    default_code: str

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class CallerError(RoomtoneError):
    """The request will never succeed unless the caller changes it."""


class NotAuthenticated(CallerError):
    """No token, or an invalid one; the caller does not learn the reason, only whether a token was seen."""

    kind = ErrorKind.NOT_AUTHENTICATED
    default_code = "not_authenticated"

    def __init__(self, message: str, *, invalid_token: bool = False, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.invalid_token = invalid_token


class NotAllowed(CallerError):
    """The caller is authenticated, but may not do this; `scope` is the one that the token lacks, if it is that."""

    kind = ErrorKind.NOT_ALLOWED
    default_code = "not_allowed"

    def __init__(self, message: str, *, scope: str | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.scope = scope


class InvalidInput(CallerError):
    """Malformed request, identifier or field."""

    kind = ErrorKind.INVALID
    default_code = "invalid_input"


class EmptySession(CallerError):
    """A session without chunks: there is nothing to finalize."""

    kind = ErrorKind.EMPTY_SESSION
    default_code = "nothing_there"


class NotFound(CallerError):
    """No such thing, or one of another tenant: the response is the same for both."""

    kind = ErrorKind.NOT_FOUND
    default_code = "not_found"


class TooLarge(CallerError):
    """Over a declared or counted limit."""

    kind = ErrorKind.TOO_LARGE
    default_code = "too_large"


class Unsupported(CallerError):
    """A content type or content encoding that is not supported."""

    kind = ErrorKind.UNSUPPORTED
    default_code = "unsupported"


class TooSlow(CallerError):
    """The sender stopped sending in the middle of a body."""

    kind = ErrorKind.TOO_SLOW
    default_code = "too_slow"


class RateLimited(CallerError):
    """More requests than one caller may send; the same request may be sent again after `retry_after` seconds."""

    kind = ErrorKind.RATE_LIMITED
    default_code = "too_many_requests"
    retryable = True

    def __init__(self, message: str, *, retry_after: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class RangeNotSatisfiable(CallerError):
    """The requested range holds no byte of the resource, which has `size` bytes."""

    kind = ErrorKind.RANGE_NOT_SATISFIABLE
    default_code = "outside_range"

    def __init__(self, message: str, *, size: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.size = size


class PreconditionFailed(CallerError):
    """The resource is another version than the request names (RFC 9110, section 13)."""

    kind = ErrorKind.PRECONDITION_FAILED
    default_code = "another_version"


class Conflict(CallerError):
    """The request disagrees with what is already stored."""

    kind = ErrorKind.CONFLICT
    default_code = "conflict"


class OutOfSpace(RoomtoneError):
    """The spool's disk is short of space or full; earlier chunks are intact."""

    kind = ErrorKind.OUT_OF_SPACE
    retryable = True
    default_code = "out_of_space"


class Unavailable(RoomtoneError):
    """An engine or a model is not available or fails; the same call may succeed later."""

    kind = ErrorKind.UNAVAILABLE
    retryable = True
    default_code = "unavailable"


class Permanent(RoomtoneError):
    """Work that would fail in the same way however often it is tried."""

    kind = ErrorKind.PERMANENT
    default_code = "failed"


class BadMedia(Permanent):
    """Bytes that are not audio, are broken, or are longer than allowed."""

    default_code = "bad_media"
