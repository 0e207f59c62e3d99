"""The request of each server's API that stores a body: its head, and the bytes put around the content."""

from collections.abc import Callable
from dataclasses import dataclass

_BOUNDARY = b"benchmark-boundary-7MA4YWxkTrZu0gW"


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a request.

    `head(run, connection, request, length)` returns its head; `body` wraps the bytes that are to be stored.
    """

    head: Callable[[str, int, int, int], bytes]
    body: Callable[[bytes], bytes] = bytes


def _head(line: str, length: int, *fields: str) -> bytes:
    lines = [line, "Host: 127.0.0.1", f"Content-Length: {length}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _chunk_raw(run: str, connection: int, _request: int, length: int) -> bytes:
    path = f"POST /upload_chunk/{run}-{connection} HTTP/1.1"
    return _head(path, length, "Content-Type: application/octet-stream")


def _session_each(run: str, _connection: int, request: int, length: int) -> bytes:
    return _head(f"POST /upload_chunk/{run}-{request} HTTP/1.1", length, "Content-Type: application/octet-stream")


def _chunk_form(run: str, connection: int, _request: int, length: int) -> bytes:
    kind = f"Content-Type: multipart/form-data; boundary={_BOUNDARY.decode()}"
    return _head(f"POST /upload_chunk/{run}-{connection} HTTP/1.1", length, kind)


def _form(content: bytes) -> bytes:
    part_head = (
        b'Content-Disposition: form-data; name="audio_chunk"; filename="chunk.pcm"\r\nContent-Type: audio/L16\r\n\r\n'
    )
    return b"--" + _BOUNDARY + b"\r\n" + part_head + content + b"\r\n--" + _BOUNDARY + b"--\r\n"


def _tus(path: str) -> Callable[[str, int, int, int], bytes]:
    """Return the one request in which tus creates an upload and sends it whole (creation-with-upload)."""

    def head(_run: str, _connection: int, _request: int, length: int) -> bytes:
        fields = ("Tus-Resumable: 1.0.0", f"Upload-Length: {length}", "Content-Type: application/offset+octet-stream")
        return _head(f"POST {path} HTTP/1.1", length, *fields)

    return head


def _put(run: str, _connection: int, request: int, length: int) -> bytes:
    return _head(f"PUT /{run}/{request:07d} HTTP/1.1", length)


SHAPES = {
    "chunk-raw": Shape(_chunk_raw),
    "session-each": Shape(_session_each),
    "chunk-form": Shape(_chunk_form, _form),
    "tus": Shape(_tus("/files")),
    "tus-slash": Shape(_tus("/files/")),
    "put": Shape(_put),
}
"""By name: `chunk-…` appends to one session per connection; `session-each` and the others create one per request."""
