"""API group of call recordings; its error body is `{"error":{"code":…,"message":…}}` (docs/contracts.md, section 4)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from starlette.requests import Request

from shared.domain.errors import ErrorKind, RoomtoneError
from shared.http.api_group import ApiGroup


class RecordingErrorCode(StrEnum):
    """What programs tell this family's errors by."""

    VALIDATION = "VALIDATION_ERROR"
    AUTHENTICATION = "AUTHENTICATION_ERROR"
    AUTHORIZATION = "AUTHORIZATION_ERROR"
    NOT_FOUND = "NOT_FOUND"
    TIMEOUT = "REQUEST_TIMEOUT"
    CONFLICT = "CONFLICT"
    TOO_LARGE = "PAYLOAD_TOO_LARGE"
    MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    RANGE = "INVALID_RANGE"
    PRECONDITION = "PRECONDITION_FAILED"
    TOO_MANY = "TOO_MANY_REQUESTS"
    SERVER = "SERVER_ERROR"
    UNAVAILABLE = "SERVICE_UNAVAILABLE"
    STORAGE = "INSUFFICIENT_STORAGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFault:
    """`code` is the family's, `message` is for people."""

    code: RecordingErrorCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingError:
    """The family's error."""

    error: RecordingFault


def error_code(kind: ErrorKind) -> RecordingErrorCode:  # noqa: C901, PLR0912  # one case a branch
    """Return the group's error code for a kind of error."""
    match kind:
        case ErrorKind.INVALID | ErrorKind.EMPTY_SESSION:
            return RecordingErrorCode.VALIDATION
        case ErrorKind.NOT_AUTHENTICATED:
            return RecordingErrorCode.AUTHENTICATION
        case ErrorKind.NOT_ALLOWED:
            return RecordingErrorCode.AUTHORIZATION
        case ErrorKind.NOT_FOUND:
            return RecordingErrorCode.NOT_FOUND
        case ErrorKind.TOO_SLOW:
            return RecordingErrorCode.TIMEOUT
        case ErrorKind.CONFLICT:
            return RecordingErrorCode.CONFLICT
        case ErrorKind.TOO_LARGE:
            return RecordingErrorCode.TOO_LARGE
        case ErrorKind.UNSUPPORTED:
            return RecordingErrorCode.MEDIA_TYPE
        case ErrorKind.RANGE_NOT_SATISFIABLE:
            return RecordingErrorCode.RANGE
        case ErrorKind.PRECONDITION_FAILED:
            return RecordingErrorCode.PRECONDITION
        case ErrorKind.RATE_LIMITED:
            return RecordingErrorCode.TOO_MANY
        case ErrorKind.PERMANENT:
            return RecordingErrorCode.SERVER
        case ErrorKind.UNAVAILABLE:
            return RecordingErrorCode.UNAVAILABLE
        case ErrorKind.OUT_OF_SPACE:
            return RecordingErrorCode.STORAGE
        case _:
            assert_never(kind)


def _body(_request: Request, error: RoomtoneError) -> RecordingError:
    return RecordingError(error=RecordingFault(code=error_code(error.kind), message=error.message))


RECORDINGS = ApiGroup("Call recordings of a lead", _body, RecordingError)
