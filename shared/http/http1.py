"""uvicorn's HTTP/1.1 protocol with a bound on what comes before a body: it has none of its own."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_LIMIT = 64 * 1024
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: application/json\r\ncontent-length: 73\r\nconnection: close\r\n\r\n"
    b'{"status":"error","message":"The request line and headers are too long."}'
)


class HttpProtocol(HttpToolsProtocol):
    """One connection; a head that goes on for 64 KiB is answered 431 (RFC 6585) and the connection closed.

    Parsing them costs time that grows with the square of their length, on the loop that everyone shares.
    """

    _in_head = False
    _head = 0

    def on_message_begin(self) -> None:
        """Start counting."""
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse a head that does not end."""
        if self.transport.is_closing():
            return
        went_on = self._in_head  # what it began in may hold the end of a body before it, and is not counted
        super().data_received(data)
        if went_on and self._in_head:
            self._head += len(data)
            if self._head > _HEAD_LIMIT:
                self.transport.write(_REFUSAL)
                self.transport.close()
