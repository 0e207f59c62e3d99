"""JSON requests of a recording's upload (init, append, finalize), and the base64 chunks in them."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request

from services.ingest.call_recordings.ids import CallLogId
from shared.domain.errors import InvalidInput, TooLarge
from shared.domain.identifiers import MAX_CHUNK_INDEX
from shared.http.body import BodyLimits, parse_json, stream_body
from shared.http.fields import Identifier, IntegralFloat

_OVERHEAD = 64 * 1024  # how many bytes a JSON document may have beside its chunk
_MAX_INLINE_DECODE = 256 * 1024  # characters; takes about 0.5 ms, and more would hold up the event loop


@dataclass(frozen=True, slots=True, kw_only=True)
class InitUpload:
    """Begin an upload in chunks."""

    action: Literal["init"]
    filename: Annotated[str, Field(min_length=1, max_length=4096)]
    call_log_id: CallLogId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendChunk:
    """Send one chunk: `chunk` is in base64 (RFC 4648, section 4), without line breaks; an empty one has no bytes."""

    action: Literal["append"]
    upload_id: Identifier
    chunk_index: Annotated[int, Field(strict=True, ge=0, le=MAX_CHUNK_INDEX), IntegralFloat]
    chunk: Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]


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


async def read_action(request: Request[Any], limits: BodyLimits) -> InitUpload | AppendChunk | FinalizeUpload:
    """Read a JSON request; `limits.size` is the maximum size of a chunk in bytes once it is decoded.

    A document without a chunk may have 64 KiB at most. Raises InvalidInput, also for an unknown action, TooLarge, and
    what `stream_body` raises.
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
    """Return the maximum size in bytes of a JSON request with a chunk of at most `chunk` bytes."""
    return encoded_size(chunk) + _OVERHEAD


def encoded_size(size: int) -> int:
    """Return the length of `size` bytes in base64."""
    return -(-size // 3) * 4


async def decoded_chunk(text: str, most: int) -> bytes:
    """Decode base64; raises InvalidInput for anything but plain base64, TooLarge for more than `most` bytes."""
    if len(text) > encoded_size(most):
        raise too_large_chunk(most)
    content = await asyncio.to_thread(_decoded, text) if len(text) > _MAX_INLINE_DECODE else _decoded(text)
    if len(content) > most:
        raise too_large_chunk(most)
    return content


def _decoded(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as exc:  # binascii's error is one
        raise _bad_base64() from exc
    if encoded_size(len(content)) != len(text):  # Python accepts padding that is too long
        raise _bad_base64()
    return content


def _bad_base64() -> InvalidInput:
    return InvalidInput(
        "chunk is not base64: no line breaks, no 'data:' before it, with its padding.", code="bad_base64"
    )


def too_large_chunk(most: int) -> TooLarge:
    """Return the error for a chunk of more than `most` bytes."""
    return TooLarge(f"A chunk may have at most {most} bytes: send smaller chunks.")
