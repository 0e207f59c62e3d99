"""Request bodies: streamed with limits on size and time, or read whole as JSON."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from shared.domain.errors import InvalidInput, TooLarge, TooSlow, Unsupported
from shared.http.responses import JSON, type_adapter

WantedT = TypeVar("WantedT")

_MAX_SMALL_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits of a request body: `size` in bytes, `idle_seconds` without a byte, and `min_rate` in bytes a second.

    The rate is the lowest average over the body, beyond the idle seconds; 0 for no such limit.
    """

    size: int
    idle_seconds: float
    min_rate: float

    def with_size(self, size: int) -> Self:
        """Return the same time limits for a body of another size."""
        return replace(self, size=size)


def reject_encoded_body(request: Request[Any]) -> None:
    """Raise Unsupported for a compressed body: it would be stored compressed."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unsupported("Content-Encoding is not supported: send the body as it is.", code="bad_encoding")


def media_type(request: Request[Any]) -> str:
    """Return the content type without its parameters, in lower case; empty if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def declared_size(request: Request[Any]) -> int:
    """Return the Content-Length in bytes, 0 without one (RFC 9110, section 8.6)."""
    return int(request.headers.get("content-length", "0"))


def is_small_immediate_body(request: Request[Any]) -> bool:
    """Whether the body is at most 1 MiB and sent without waiting for 100 Continue (RFC 9110, section 10.1.1).

    Rejecting such a body before it is read would save nothing.
    """
    return 0 < declared_size(request) <= _MAX_SMALL_BODY and "expect" not in request.headers


async def stream_body(request: Request[Any], limits: BodyLimits, too_large: str) -> AsyncIterator[bytes]:
    """Yield the body's pieces as they arrive.

    Raises TooLarge with the message `too_large`, before the first piece if the declared size is over the limit and as
    soon as the counted one is; TooSlow; and starlette's ClientDisconnect.
    """
    if declared_size(request) > limits.size:
        raise TooLarge(too_large)
    deadline = _BodyDeadline(limits, request.receive)
    left = limits.size
    more = True
    while more:
        piece, more = await deadline.next()
        left -= len(piece)
        if left < 0:
            raise TooLarge(too_large)
        if piece:
            yield piece
        del piece  # it would be held until the next one arrives


class _BodyDeadline:
    """Reads pieces of a body within its time limits; only the time spent in `receive()` counts, not our own."""

    def __init__(self, limits: BodyLimits, receive: Receive) -> None:
        self._limits = limits
        self._receive = receive
        self._seconds_left = limits.idle_seconds

    async def next(self) -> tuple[bytes, bool]:
        """Return the next piece, and whether more follow (ASGI, `http.request`).

        Raises TooSlow for a sender over its idle time or below its rate, and ClientDisconnect.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(min(self._limits.idle_seconds, self._seconds_left)):
                message = await self._receive()
        except TimeoutError as exc:
            raise TooSlow("The body stopped arriving, or came too slowly: send the request again.") from exc
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        if self._limits.min_rate > 0:
            self._seconds_left += len(piece) / self._limits.min_rate - (loop.time() - started)
        return piece, message.get("more_body", False)


async def read_json(request: Request[Any], kind: type[WantedT], limits: BodyLimits) -> WantedT:
    """Read a JSON body as a dataclass; parsed in a thread if it is over 256 KiB.

    Raises InvalidInput naming up to five members that are missing or wrong, without repeating a value, and what
    `stream_body` raises.
    """
    reject_encoded_body(request)
    if media_type(request) != JSON:
        raise Unsupported("Send the request as application/json.", code="bad_content_type")
    too_large = f"The JSON document may have at most {limits.size} bytes."
    content = b"".join([piece async for piece in stream_body(request, limits, too_large)])
    return await parse_json(content, kind)


_MAX_ON_LOOP = 256 * 1024  # parsing takes about a millisecond for each; more would hold up all requests on the loop
_MAX_STRUCTURE = 10_000  # no valid document comes near it, not even one with a name of nothing but commas
_STRUCTURE = (b"[", b"{", b",", b":")


async def parse_json(content: bytes, kind: type[WantedT]) -> WantedT:
    """Read bytes as a dataclass; raises InvalidInput as `read_json` does, and for too many members and items."""
    if len(content) > _MAX_ON_LOOP:
        return await asyncio.to_thread(_validate, content, kind)
    return _validate(content, kind)


def _validate(content: bytes, kind: type[WantedT]) -> WantedT:
    _reject_oversized_structure(content)
    try:
        wanted = type_adapter(kind).validate_json(content)
    except ValidationError as exc:
        raise InvalidInput(_validation_message(exc), code="bad_json") from exc
    assert isinstance(wanted, kind)  # noqa: S101  # by the adapter
    return wanted


def _reject_oversized_structure(content: bytes) -> None:
    """Raise InvalidInput before parsing a document of millions of objects: they take a hundred times their bytes.

    The parser makes all of them without releasing the interpreter's lock, also those of unknown members. Brackets and
    commas in strings count as well; base64 has none.
    """
    if sum(content.count(mark) for mark in _STRUCTURE) > _MAX_STRUCTURE:
        message = "The JSON document has too many members and list items: send only those that are expected here."
        raise InvalidInput(message, code="bad_json")


_MAX_FAULTS = 5


def _validation_message(error: ValidationError) -> str:
    """Return which members are wrong and why; their names are the dataclass's, never the document's."""
    named = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_FAULTS]:
        if fault["type"] in {"json_invalid", "json_type", "dataclass_type"}:
            return "The body is not the JSON object that is expected here."
        where = ".".join(str(part) for part in fault["loc"])
        named.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}")
    return "The JSON document does not fit: " + "; ".join(named) + "."
