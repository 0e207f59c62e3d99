"""The errors of a model service, translated from those of the SDK.

RoomtoneError
├── Unavailable
│   ├── (itself)           busy, failing, not reachable, too slow: another try may succeed
│   ├── UnreadableAnswer   an answer that is cut off, too large, compressed or of another shape
│   └── BudgetReached      the day's budget is used up
└── Permanent
    ├── RequestRefused     this request, because of what is in it
    └── Misconfigured      every request: the key, the address or the model's name is wrong

The provider's error text is not passed on: it can hold a part of the key, or of the conversation.
"""

from http import HTTPStatus

from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

from shared.domain.errors import Permanent, RoomtoneError, Unavailable

_RETRYABLE = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_BAD_CREDENTIALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_WRONG_ADDRESS = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


class UnreadableAnswer(Unavailable):
    """An answer that is cut off, too large, compressed or of another shape."""

    default_code = "model_failed"

    def __init__(self) -> None:
        super().__init__("The model service's answer can't be read.")


class BudgetReached(Unavailable):
    """The day's budget for the model service is used up; a new one starts at midnight UTC."""

    default_code = "budget_reached"

    def __init__(self) -> None:
        super().__init__("The day's budget for the model service is used up: send it again tomorrow.")


class RequestRefused(Permanent):
    """The service refuses this one request, because of what is in it."""

    default_code = "model_refused"


class Misconfigured(Permanent):
    """The service refuses every request until the operator changes a setting."""

    default_code = "model_refused"


class AnswerNotAcceptedError(OpenAIError):
    """Raised while an answer is received, and not retried by the SDK, which knows it as an error of its own."""


def translated(error: OpenAIError) -> RoomtoneError:
    """Return an error of the SDK as one of ours."""
    match error:
        case APITimeoutError():
            return timed_out()
        case APIConnectionError():
            return Unavailable("The model service is not reachable.", code="model_unreachable")
        case APIStatusError(status_code=status):
            return _of_status(status)
        case _:
            return UnreadableAnswer()


def timed_out() -> Unavailable:
    """Return the error of a call that took too long."""
    return Unavailable("The model service did not answer in time.", code="model_timeout")


def _of_status(status: int) -> RoomtoneError:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRYABLE:
        return Unavailable(f"The model service is busy or failing (status {status}).", code="model_busy")
    if status in _BAD_CREDENTIALS:
        return Misconfigured("The model service does not accept our credentials.", code="model_credentials")
    if status < HTTPStatus.BAD_REQUEST:
        return Misconfigured(f"The model service redirects elsewhere (status {status}).", code="model_redirected")
    if status in _WRONG_ADDRESS:
        return Misconfigured(f"The model service does not know the address or the model (status {status}).")
    return RequestRefused(f"The model service refused the request (status {status}).")
