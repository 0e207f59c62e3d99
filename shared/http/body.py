"""A request's body as it arrives, bounded in size and in patience."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from shared.errors import InvalidInput, TooLarge, TooSlow, Unsupported
from shared.http.answers import JSON, adapter_of

WantedT = TypeVar("WantedT")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`size` in bytes, and how many seconds a sender may stay `idle` inside a body."""

    size: int
    idle: float


def refuse_encoding(request: Request) -> None:
    """Raise Unsupported for a compressed body: what is stored must be what was sent."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unsupported("Content-Encoding is not supported: send the body as it is.", code="bad_encoding")


def media_type(request: Request) -> str:
    """Return the content type without its parameters, in lower case; empty if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def declared_size(request: Request) -> int:
    """Return what the headers say of the body's size in bytes, 0 if they say nothing (RFC 9110, section 8.6)."""
    return int(request.headers.get("content-length", "0"))


async def read_pieces(request: Request, limits: BodyLimits, too_large: str) -> AsyncIterator[bytes]:
    """Yield the body's pieces as they come.

    Raises TooLarge, saying `too_large`, before the first one if the declared size is over the limit and as soon as
    the counted one is; TooSlow; and starlette's ClientDisconnect when the sender hangs up.
    """
    if declared_size(request) > limits.size:
        raise TooLarge(too_large)
    stream = request.stream()
    left = limits.size
    while True:
        try:
            async with asyncio.timeout(limits.idle):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as exc:
            raise TooSlow("The body stopped arriving: send the request again.") from exc
        left -= len(piece)
        if left < 0:
            raise TooLarge(too_large)
        if piece:
            yield piece


async def read_json(request: Request, kind: type[WantedT], limits: BodyLimits) -> WantedT:
    """Read a JSON body as a dataclass; parsed in a thread when it is large.

    Raises InvalidInput naming every member that is missing or wrong, without repeating a value, and what
    `read_pieces` raises.
    """
    refuse_encoding(request)
    if media_type(request) != JSON:
        raise Unsupported("Send the request as application/json.", code="bad_content_type")
    too_large = f"The JSON document may have at most {limits.size} bytes."
    content = b"".join([piece async for piece in read_pieces(request, limits, too_large)])
    return await parse_json(content, kind)


_LARGE = 256 * 1024  # parsing takes about a millisecond for each; more would hold up everyone on the loop


async def parse_json(content: bytes, kind: type[WantedT]) -> WantedT:
    """Read bytes as a dataclass; raises InvalidInput as `read_json` does."""
    if len(content) > _LARGE:
        return await asyncio.to_thread(_parsed, content, kind)
    return _parsed(content, kind)


def _parsed(content: bytes, kind: type[WantedT]) -> WantedT:
    try:
        wanted = adapter_of(kind).validate_json(content)
    except ValidationError as exc:
        raise InvalidInput(_faults(exc), code="bad_json") from exc
    assert isinstance(wanted, kind)  # noqa: S101  # by the adapter
    return wanted


_FAULTS_NAMED = 5


def _faults(error: ValidationError) -> str:
    """Say what is wrong with which member; names of members come from us, never from the document."""
    named = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:_FAULTS_NAMED]:
        if fault["type"] in {"json_invalid", "json_type", "dataclass_type"}:
            return "The body is not the JSON object that is expected here."
        where = ".".join(str(part) for part in fault["loc"])
        named.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}")
    return "The JSON document does not fit: " + "; ".join(named) + "."
