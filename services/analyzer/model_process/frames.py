"""The frames between the service and its model's process: a head of fixed size, then as many bytes as it says.

A request names its task; its body is the task's own. A response is the task's result, or says why there is none.
"""

import struct
from enum import IntEnum
from typing import BinaryIO

REQUEST_HEAD = struct.Struct("<BI")
"""Of a request: the length of the task's name, and of the body; the name (ASCII) and the body follow."""

RESPONSE_HEAD = struct.Struct("<BI")
"""Of a response: its status, and the length of the body that follows."""

MAX_RESPONSE_BYTES = 4 * 1024 * 1024


class Status(IntEnum):
    """What a response is. The body is the result if `OK`, otherwise the name of the error's type."""

    OK = 0
    NO_MODEL = 1
    """The task's model can't be loaded: its package is not installed, or its files are not what they should be."""
    FAILED = 2


def read_request(stream: BinaryIO) -> tuple[str, bytes] | None:
    """Return the next request's task and body, or None at the end; a truncated frame is the end as well."""
    head = stream.read(REQUEST_HEAD.size)
    if len(head) < REQUEST_HEAD.size:
        return None
    name_size, size = REQUEST_HEAD.unpack(head)
    content = stream.read(name_size + size)
    return (content[:name_size].decode(), content[name_size:]) if len(content) == name_size + size else None


def write_response(stream: BinaryIO, status: Status, body: bytes) -> None:
    """Write a response; a result that is too long becomes a failure."""
    if len(body) > MAX_RESPONSE_BYTES:
        status, body = Status.FAILED, b"ResponseTooLong"
    stream.write(RESPONSE_HEAD.pack(status, len(body)) + body)
    stream.flush()
