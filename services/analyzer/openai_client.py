"""OpenAI's client, and the translation of its errors into ours; works with any server that has the same API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAIError

from shared.domain.errors import Permanent, RoomtoneError, Unavailable

log = structlog.stdlib.get_logger(__name__)

_RETRYABLE = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_BAD_CREDENTIALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@asynccontextmanager
async def open_client(key: str, base_url: str, *, retries: int) -> AsyncIterator[AsyncOpenAI]:
    """Open a client; nothing is sent before the first call.

    Only the SDK retries a call, and it honours `Retry-After`; the work queue retries whole jobs.
    """
    async with AsyncOpenAI(api_key=key, base_url=base_url, max_retries=retries) as client:
        yield client


@asynccontextmanager
async def model_call(*, within: float) -> AsyncIterator[None]:
    """Limit a call with all its retries to `within` seconds; raises Unavailable or Permanent instead of SDK errors.

    The provider's error text is not passed on: it can hold a part of the key, or of the conversation. So the errors
    that are raised have no cause.
    """
    try:
        async with asyncio.timeout(within):
            yield
    except TimeoutError:
        raise Unavailable("The model service did not answer in time.", code="model_timeout") from None
    except OpenAIError as exc:
        status = exc.status_code if isinstance(exc, APIStatusError) else None
        log.warning("the model service failed", error=type(exc).__name__, status=status)
        raise _translate(exc) from None


def _translate(error: OpenAIError) -> RoomtoneError:
    match error:
        case APITimeoutError():
            return Unavailable("The model service did not answer in time.", code="model_timeout")
        case APIConnectionError():
            return Unavailable("The model service is not reachable.", code="model_unreachable")
        case APIStatusError(status_code=status):
            return _of_status(status)
        case _:
            return Unavailable("The model service's answer can't be read.", code="model_failed")


def _of_status(status: int) -> RoomtoneError:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRYABLE:
        return Unavailable(f"The model service is busy or failing (status {status}).", code="model_busy")
    if status in _BAD_CREDENTIALS:
        return Permanent("The model service does not accept our credentials.", code="model_credentials")
    return Permanent(f"The model service refused the request (status {status}).", code="model_refused")
