"""uvicorn's HTTP/1.1 protocol with limits that it lacks: on heads, and on what arrives after a response."""

import asyncio
from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any, ClassVar

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.runtime.protocols.body_buffer import BodyFlowControl, BodyMemoryPool
from shared.runtime.protocols.connection_state import ConnectionState, TokenSearch
from shared.runtime.protocols.raw_http import (
    HEAD_TIMEOUT,
    HEAD_TOO_LARGE,
    HEAD_TOO_LARGE_WITH_TOKEN,
    MALFORMED,
    RequestRejected,
    check_head,
    is_websocket_handshake,
    strip_upgrade,
)
from shared.runtime.protocols.transport import BoundedReadProtocol, CoalescingTransport

_MAX_HEAD = 64 * 1024
_MAX_PIPELINED = 128  # requests waiting for the response to an earlier one; each takes about 3 kB


class BoundedHttpProtocol(HttpToolsProtocol):
    """One HTTP/1.1 connection; its states and transitions are documented at ConnectionState.

    What can't become a request gets a JSON error response, and the connection is closed. A head must be complete
    `head_seconds` after the connection's start or its own first byte (408), and within 64 KiB (431, RFC 6585):
    parsing takes time that grows with the square of its length, on the loop that all connections share. No token is
    that long, so a head with one gets 401. The same limit holds for what stands between the pieces of a body (chunk
    extensions), and behind it (trailers).

    An upgrade to anything but a WebSocket is ignored: the request is read as if it had no Upgrade header. Pipelined
    requests get their responses in order, and none of them can become a WebSocket.

    A request whose body is still arriving when its response is complete is drained: closing at once would reset the
    connection, and the response would be lost with it. After `drain_bytes` or `drain_seconds` more it is closed all
    the same.
    """

    head_seconds: ClassVar[float] = 30.0
    drain_seconds: ClassVar[float] = 10.0
    drain_bytes: ClassVar[int] = 32 * 1024 * 1024

    flow: BodyFlowControl  # in place of uvicorn's FlowControl, for its request cycles as well

    def __init__(self, pool: BodyMemoryPool, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self._pool = pool
        self._state = ConnectionState.BETWEEN_REQUESTS
        self._deadline: TimerHandle | None = None  # for a head, or for draining
        self._overhead = 0  # bytes since a head or a body began or ended, or a piece of a body came
        self._drained_bytes = 0
        self._token_search = TokenSearch()
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the first head's time."""
        super().connection_made(transport)
        self.flow = BodyFlowControl(
            transport, self.loop, self._pool, connections=self.connections, pipelined=self.pipeline
        )
        self._start_head_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline, and disconnect the running request, too: uvicorn disconnects only the newest."""
        self.flow.end()
        self._cancel_deadline()
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes | memoryview) -> None:
        """Parse what was read, within the limits."""
        if self.transport.is_closing() or not self._count_drained(data):
            return
        self._overhead += len(data)
        self._parse(data)
        self.flow.yield_after_small_pieces()
        if self._state in (ConnectionState.REJECTED, ConnectionState.UPGRADED) or self.transport.is_closing():
            return
        in_head = self._state is ConnectionState.READING_HEAD
        if in_head:
            self._token_search.feed(data)
        # a head's time starts with its first byte, even if that is an empty line
        empty_lines = self._state is ConnectionState.BETWEEN_REQUESTS and self._overhead > 0
        if (in_head or empty_lines) and self._deadline is None:
            self._start_head_deadline()
        if self._overhead > _MAX_HEAD:
            self._reject(HEAD_TOO_LARGE_WITH_TOKEN if in_head and self._token_search.found else HEAD_TOO_LARGE)

    def _parse(self, data: bytes | memoryview) -> None:
        """Parse as uvicorn does, but send JSON error responses, and continue past an ignored upgrade."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserError as exc:
            rejected = exc.__context__  # what a callback raised
            self._reject(rejected.response if isinstance(rejected, RequestRejected) else MALFORMED)
        except HttpParserUpgrade as upgrade:
            if self._state is ConnectionState.IGNORING_UPGRADE:
                self._reparse_without_upgrade(data[upgrade.args[0] :])
            else:
                self.handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Begin a head; there is none after the last response."""
        if self.transport.is_closing():
            raise RequestRejected(MALFORMED)
        self._state = ConnectionState.READING_HEAD
        self._overhead = 0
        self._token_search.restart()
        self._unset_keepalive_if_required()  # set if the same read ended a drained body
        self.flow.end()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End the head, and reject it or begin its request."""
        self._overhead = 0
        self._cancel_deadline()
        check_head(self.headers, self.parser.get_http_version())
        if len(self.pipeline) >= _MAX_PIPELINED:
            raise RequestRejected(MALFORMED)
        if self.parser.should_upgrade():
            self._decide_upgrade()
            return
        self._state = ConnectionState.READING_BODY
        super().on_headers_complete()
        self.cycle.transport = CoalescingTransport(self.transport, self.loop, self._close_after_response)

    def _decide_upgrade(self) -> None:
        """Accept an upgrade to a WebSocket, and ignore any other; the parser takes no body behind such a head."""
        method = self.parser.get_method()
        if method == b"CONNECT":  # there is no request left without the tunnel
            raise RequestRejected(MALFORMED)
        if not (self._should_upgrade() and is_websocket_handshake(method, self.headers)):
            self._state = ConnectionState.IGNORING_UPGRADE
            return
        if self.cycle is not None and not self.cycle.response_complete:
            raise RequestRejected(MALFORMED)  # its frames would stand before the response that is still to come
        self._state = ConnectionState.UPGRADED
        super().on_headers_complete()

    def _reparse_without_upgrade(self, rest: bytes | memoryview) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._parse(strip_upgrade(method, self.url, version, self.headers))
        if len(rest) > 0 and self._state is not ConnectionState.REJECTED and not self.transport.is_closing():
            self._parse(rest)

    def on_body(self, body: bytes) -> None:
        """Buffer a piece of the body for the application."""
        self._overhead = 0
        if not self.cycle.response_complete:
            self.flow.add(self.cycle, body)

    def on_message_complete(self) -> None:
        """End the body."""
        self._overhead = 0
        self.flow.end()
        if self._state is ConnectionState.READING_BODY:
            self._state = ConnectionState.BETWEEN_REQUESTS
            super().on_message_complete()
        elif self._state is ConnectionState.DRAINING:
            self._state = ConnectionState.BETWEEN_REQUESTS
            self._cancel_deadline()
            # idle from now: uvicorn has counted from the response
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        elif self._state is ConnectionState.DRAINING_LAST:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Drain the body if it is still arriving."""
        self.flow.end()
        super().on_response_complete()
        complete = self.cycle is not None and self.cycle.response_complete
        if complete and self._state is ConnectionState.READING_BODY and not self.transport.is_closing():
            self._drain(ConnectionState.DRAINING)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _close_after_response(self) -> None:
        """Close in place of uvicorn, which closes after the last response and after an application's failure."""
        if not self.cycle.response_complete:
            self.transport.close()
        elif self.cycle.keep_alive:  # the application failed after its response
            pass
        elif self._state is ConnectionState.READING_BODY:
            self._drain(ConnectionState.DRAINING_LAST)
        elif not self._state.drains:
            self.transport.close()

    def _reject(self, response: bytes) -> None:
        """Send an error response instead of the application's, whose client counts as disconnected, and drain."""
        if self.transport.is_closing():
            return
        if self._state.drains:
            self.transport.close()
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if self.pipeline or cycle.response_started or not cycle.more_body:
                self.transport.abort()  # the error would be taken for the response that is still to come
                return
        self.transport.write(response)
        self._drain(ConnectionState.REJECTED)

    def _drain(self, state: ConnectionState) -> None:
        self._state = state
        self._drained_bytes = 0
        self._cancel_deadline()
        self._deadline = self.loop.call_later(self.drain_seconds, self.transport.abort)
        if state is not ConnectionState.DRAINING and self.transport.can_write_eof():
            self.transport.write_eof()

    def _count_drained(self, data: bytes | memoryview) -> bool:
        """Count dropped bytes, and close above the limit; returns whether to parse them: a body is, to find its end."""
        if not self._state.drains:
            return True
        self._drained_bytes += len(data)
        if self._drained_bytes > self.drain_bytes:
            self.transport.abort()
            return False
        return self._state is not ConnectionState.REJECTED

    def _start_head_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._on_head_timeout)

    def _on_head_timeout(self) -> None:
        """Give up on a head, unless the response to an earlier request has to be sent first."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._start_head_deadline()
        elif self._state is ConnectionState.READING_HEAD:
            self._reject(HEAD_TIMEOUT)
        else:
            self.transport.close()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def http1_protocol_factory(kind: type[BoundedHttpProtocol] = BoundedHttpProtocol) -> Callable[..., BoundedReadProtocol]:
    """Return what makes the protocol of each new connection, as uvicorn calls it."""
    pool = BodyMemoryPool()

    def new_protocol(**uvicorn_arguments: object) -> BoundedReadProtocol:
        protocol = kind(pool, **uvicorn_arguments)
        return BoundedReadProtocol(protocol, lambda: protocol.flow.max_read_size)

    return new_protocol
