"""A request's body as it arrives, bounded in size and in patience."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from shared.domain.errors import InvalidInput, TooLarge, TooSlow, Unsupported
from shared.http.responses import JSON, type_adapter

WantedT = TypeVar("WantedT")

_SMALL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`size` in bytes, how many seconds a sender may stay `idle` inside a body, and the `slowest` it may send.

    The latter in bytes a second, on average and beyond the idle seconds; 0 for no such limit.
    """

    size: int
    idle_seconds: float
    min_rate: float

    def with_size(self, size: int) -> Self:
        """Return the same patience for a body of another size."""
        return replace(self, size=size)


def reject_encoded_body(request: Request) -> None:
    """Raise Unsupported for a compressed body: what is stored must be what was sent."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unsupported("Content-Encoding is not supported: send the body as it is.", code="bad_encoding")


def media_type(request: Request) -> str:
    """Return the content type without its parameters, in lower case; empty if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def declared_size(request: Request) -> int:
    """Return what the headers say of the body's size in bytes, 0 if they say nothing (RFC 9110, section 8.6)."""
    return int(request.headers.get("content-length", "0"))


def is_small_immediate_body(request: Request) -> bool:
    """Whether the body is small and its sender does not wait to be told to go on (RFC 9110, section 10.1.1).

    Refusing such a body early would save nobody anything.
    """
    return 0 < declared_size(request) <= _SMALL and "expect" not in request.headers


async def stream_body(request: Request, limits: BodyLimits, too_large: str) -> AsyncIterator[bytes]:
    """Yield the body's pieces as they come.

    Raises TooLarge, saying `too_large`, before the first one if the declared size is over the limit and as soon as
    the counted one is; TooSlow; and starlette's ClientDisconnect when the sender hangs up.
    """
    if declared_size(request) > limits.size:
        raise TooLarge(too_large)
    patience = _BodyDeadline(limits, request.receive)
    left = limits.size
    more = True
    while more:
        piece, more = await patience.next()
        left -= len(piece)
        if left < 0:
            raise TooLarge(too_large)
        if piece:
            yield piece
        del piece  # it would be held until the next one is there


class _BodyDeadline:
    """How long a body's sender is waited for; what we ourselves take between two pieces is not held against it."""

    def __init__(self, limits: BodyLimits, receive: Receive) -> None:
        self._limits = limits
        self._receive = receive
        self._left = limits.idle_seconds

    async def next(self) -> tuple[bytes, bool]:
        """Return the next piece, and whether more follows (ASGI, `http.request`).

        Raises TooSlow for a sender that is idle or lags behind, and ClientDisconnect.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(min(self._limits.idle_seconds, self._left)):
                message = await self._receive()
        except TimeoutError as exc:
            raise TooSlow("The body stopped arriving, or came too slowly: send the request again.") from exc
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        if self._limits.min_rate > 0:
            self._left += len(piece) / self._limits.min_rate - (loop.time() - begun)
        return piece, message.get("more_body", False)


async def read_json(request: Request, kind: type[WantedT], limits: BodyLimits) -> WantedT:
    """Read a JSON body as a dataclass; parsed in a thread when it is large.

    Raises InvalidInput naming every member that is missing or wrong, without repeating a value, and what
    `stream_body` raises.
    """
    reject_encoded_body(request)
    if media_type(request) != JSON:
        raise Unsupported("Send the request as application/json.", code="bad_content_type")
    too_large = f"The JSON document may have at most {limits.size} bytes."
    content = b"".join([piece async for piece in stream_body(request, limits, too_large)])
    return await parse_json(content, kind)


_LARGE = 256 * 1024  # parsing takes about a millisecond for each; more would hold up everyone on the loop
_MOST_STRUCTURE = 10_000  # no document of ours comes near it, not even a name of nothing but commas
_STRUCTURE = (b"[", b"{", b",", b":")


async def parse_json(content: bytes, kind: type[WantedT]) -> WantedT:
    """Read bytes as a dataclass; raises InvalidInput as `read_json` does, also for too many members."""
    if len(content) > _LARGE:
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
    """Raise InvalidInput before parsing what would become millions of objects: they take a hundred times their bytes.

    All of them are made without letting any other thread run, also those of members that nobody wants. Strings hold
    some of these bytes as well; base64 none.
    """
    if sum(content.count(mark) for mark in _STRUCTURE) > _MOST_STRUCTURE:
        message = "The JSON document has too many members and list items: send only those that are expected here."
        raise InvalidInput(message, code="bad_json")


_FAULTS_NAMED = 5


def _validation_message(error: ValidationError) -> str:
    """Say what is wrong with which member; names of members come from us, never from the document."""
    named = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:_FAULTS_NAMED]:
        if fault["type"] in {"json_invalid", "json_type", "dataclass_type"}:
            return "The body is not the JSON object that is expected here."
        where = ".".join(str(part) for part in fault["loc"])
        named.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}")
    return "The JSON document does not fit: " + "; ".join(named) + "."
