"""JSON requests about a lead's recordings, taken apart at the edge by their action, and the chunks in them."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request

from services.ingest.call_recordings.ids import CallLogId
from shared.domain.errors import InvalidInput, TooLarge
from shared.domain.identifiers import MAX_CHUNK_INDEX
from shared.http.body import BodyLimits, parse_json, stream_body
from shared.http.fields import Identifier, IntegralFloat

_OVERHEAD = 64 * 1024  # what a JSON document may hold beside its chunk
_LARGE = 256 * 1024  # decoding takes about half a millisecond for each; more would hold up everyone on the loop


@dataclass(frozen=True, slots=True, kw_only=True)
class InitUpload:
    """Begin an upload in chunks."""

    action: Literal["init"]
    filename: Annotated[str, Field(min_length=1, max_length=4096)]
    call_log_id: CallLogId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendChunk:
    """Send one chunk: `chunk` is in base64 (RFC 4648, section 4), without line breaks."""

    action: Literal["append"]
    upload_id: Identifier
    chunk_index: Annotated[int, Field(strict=True, ge=0, le=MAX_CHUNK_INDEX), IntegralFloat]
    chunk: Annotated[str, Field(min_length=1, json_schema_extra={"contentEncoding": "base64"})]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeUpload:
    """End an upload, after all of its chunks."""

    action: Literal["finalize"]
    upload_id: Identifier
    total_chunks: Annotated[int, Field(strict=True, ge=1, le=MAX_CHUNK_INDEX + 1), IntegralFloat]
    call_log_id: CallLogId


@dataclass(frozen=True, slots=True, kw_only=True)
class _ActionOnly:
    action: str


async def read_action(request: Request, limits: BodyLimits) -> InitUpload | AppendChunk | FinalizeUpload:
    """Read a JSON request; `limits.size` is what a chunk may have once it is decoded.

    Only the bytes of a chunk may make it large. Raises InvalidInput, also for an action that there is not, TooLarge,
    and what `stream_body` raises.
    """
    bounds = limits.with_size(largest_json(limits.size))
    too_large = f"The JSON document may have at most {bounds.size} bytes: send smaller chunks."
    content = b"".join([piece async for piece in stream_body(request, bounds, too_large)])
    action = (await parse_json(content, _ActionOnly)).action
    if action != "append" and len(content) > _OVERHEAD:
        raise TooLarge(f"Without a chunk the JSON document may have at most {_OVERHEAD} bytes.")
    match action:
        case "init":
            return await parse_json(content, InitUpload)
        case "append":
            return await parse_json(content, AppendChunk)
        case "finalize":
            return await parse_json(content, FinalizeUpload)
        case _:
            raise InvalidInput("action must be one of init, append and finalize.", code="unknown_action")


def largest_json(chunk: int) -> int:
    """Return how many bytes a JSON request may have whose chunk has at most `chunk` of them."""
    return encoded_size(chunk) + _OVERHEAD


def encoded_size(size: int) -> int:
    """Return how many characters of base64 stand for `size` bytes."""
    return -(-size // 3) * 4


async def decoded_chunk(text: str, most: int) -> bytes:
    """Return what base64 stands for; raises InvalidInput for anything but plain base64, TooLarge over `most` bytes."""
    if len(text) > encoded_size(most):
        raise too_large_chunk(most)
    content = await asyncio.to_thread(_decoded, text) if len(text) > _LARGE else _decoded(text)
    if len(content) > most:
        raise too_large_chunk(most)
    return content


def _decoded(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as exc:  # binascii's error is one
        raise _bad_base64() from exc
    if encoded_size(len(content)) != len(text):  # padding that goes on, which Python lets pass
        raise _bad_base64()
    return content


def _bad_base64() -> InvalidInput:
    return InvalidInput(
        "chunk is not base64: no line breaks, no 'data:' before it, with its padding.", code="bad_base64"
    )


def too_large_chunk(most: int) -> TooLarge:
    """Return the refusal of a chunk over `most` bytes."""
    return TooLarge(f"A chunk may have at most {most} bytes: send smaller chunks.")
