"""uvicorn's HTTP/1.1 protocol with a bound on what comes before a body: it has none of its own."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_LIMIT = 64 * 1024
_LAST_SECONDS = 2.0  # for the peer to read the refusal, whatever it is still sending
_TOKEN_HEADER = b"\nauthorization:"


def _refusal(status: HTTPStatus, message: str, *headers: str) -> bytes:
    body = json.dumps({"status": "error", "message": message}, separators=(",", ":")).encode()
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *headers,
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


_TOO_LONG = _refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request line and headers are too long.")
_NO_TOKEN = _refusal(
    HTTPStatus.UNAUTHORIZED,
    "A valid bearer token is required: send it as Authorization: Bearer <token>.",
    "www-authenticate: Bearer",
)


class HttpProtocol(HttpToolsProtocol):
    """One connection; a head that goes on for 64 KiB is answered 431 (RFC 6585) and the connection closed.

    Parsing them costs time that grows with the square of their length, on the loop that everyone shares. No token is
    that long, so a head with one is answered 401. What the peer still sends is dropped: closing at once would reset
    the connection, and take the answer with it.
    """

    _in_head = False
    _head = 0
    _has_token = False
    _end_of_last = b""
    _refused = False

    def on_message_begin(self) -> None:
        """Start counting."""
        self._in_head, self._head, self._has_token = True, 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse a head that does not end."""
        if self._refused or self.transport.is_closing():
            return
        went_on = self._in_head  # what it began in may hold the end of a body before it, and is not counted
        super().data_received(data)
        if not self._in_head:
            return
        self._has_token = self._has_token or _TOKEN_HEADER in (self._end_of_last + data).lower()
        self._end_of_last = data[-len(_TOKEN_HEADER) :]
        self._head += len(data) if went_on else 0
        if self._head > _HEAD_LIMIT:
            self._refuse(_NO_TOKEN if self._has_token else _TOO_LONG)

    def _refuse(self, answer: bytes) -> None:
        self._refused = True
        self.transport.write(answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LAST_SECONDS, self.transport.abort)

    def eof_received(self) -> None:
        """Let a refused connection go once its peer has said everything."""
        if self._refused:
            self.transport.close()
        super().eof_received()
