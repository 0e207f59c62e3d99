"""uvicorn's HTTP/1.1 protocol with bounds on what comes before a body and after an answer: it has none of its own."""

import asyncio
from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any, ClassVar

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.runtime.protocols.body_buffer import BodyFlowControl, BodyMemoryPool
from shared.runtime.protocols.raw_http import (
    HEAD_TIMEOUT,
    HEAD_TOO_LARGE,
    HEAD_TOO_LARGE_WITH_TOKEN,
    MALFORMED,
    check_head,
    is_websocket_handshake,
    strip_upgrade,
)
from shared.runtime.protocols.transport import BoundedReadProtocol, CoalescingTransport

_HEAD_LIMIT = 64 * 1024
_TOKEN_HEADER = b"\nauthorization:"
_MOST_PIPELINED = 128  # requests that wait for the answer before theirs; each takes about 3 kB


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection; what can't become a request is answered in JSON, and the connection closed.

    A head must be complete `head_seconds` after the connection's start or its own first byte (408), and before it
    goes on for 64 KiB (431, RFC 6585): parsing takes time that grows with the square of its length, on the loop that
    everyone shares. No token is that long, so a head with one is answered 401. The same holds for what stands between
    the pieces of a body, and behind it.

    A wish to upgrade to anything but a WebSocket is ignored: the request is read as if it did not have it. Requests
    that are sent behind each other are answered in turn, and none of them can become a WebSocket.

    Whoever is answered while still sending is listened to for a while: closing at once would reset the connection,
    and take the answer with it. After `drain_bytes` or `drain_seconds` more it is closed all the same.
    """

    head_seconds: ClassVar[float] = 30.0
    drain_seconds: ClassVar[float] = 10.0
    drain_bytes: ClassVar[int] = 32 * 1024 * 1024

    _in_head = False
    _in_body = False
    _made_progress = False  # whether what was read last began or ended something, or was of a body
    _overhead = 0  # bytes since then
    _has_token = False
    _end_of_last = b""
    _refused = False
    _refusal: bytes | None = None
    _head_end: TimerHandle | None = None
    _drain_end: TimerHandle | None = None
    _drained_bytes = 0
    _half_closed = False
    _upgrade_ignored = False  # whether the head just read wishes for what is to be ignored
    _running: RequestResponseCycle | None = None

    flow: BodyFlowControl  # in place of uvicorn's, and known to its request cycles as such

    def __init__(self, memory: BodyMemoryPool, **given: Any) -> None:
        super().__init__(**given)
        self._memory = memory

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Expect a head."""
        super().connection_made(transport)
        self.flow = BodyFlowControl(
            transport, self.loop, self._memory, connections=self.connections, pipelined=self.pipeline
        )
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self.flow.end()
        self._head_end, self._drain_end = _cancelled(self._head_end), _cancelled(self._drain_end)
        if self._running is not None:  # uvicorn tells only the newest
            self._running.disconnected = True
            self._running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin a head; there is none after the last answer."""
        if self._half_closed:
            raise ValueError
        self._in_head, self._made_progress, self._has_token = True, True, False
        self.flow.end()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End the head, and refuse it or begin its request."""
        self._in_head, self._in_body, self._made_progress = False, True, True
        self._head_end = _cancelled(self._head_end)
        self._refusal = check_head(self.headers, self.parser.get_http_version())
        if self._refusal is not None or len(self.pipeline) >= _MOST_PIPELINED:
            raise ValueError  # makes the parser stop, and us refuse
        if self.parser.should_upgrade():
            self._decide_upgrade()
            return
        super().on_headers_complete()
        self.cycle.transport = CoalescingTransport(self.transport, self.loop, self._close_after_response)

    def on_body(self, body: bytes) -> None:
        """Gather the body for the application."""
        self._made_progress = True
        if not self.cycle.response_complete:
            self.flow.add(self.cycle, body)

    def on_message_complete(self) -> None:
        """End the body; an upgraded connection is no longer ours."""
        self._made_progress = True
        self.flow.end()
        self._in_body = self.parser.should_upgrade()
        if not self._in_body:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Bound what still comes of a body that was answered before its end."""
        self.flow.end()
        super().on_response_complete()
        if self._response_complete and self._in_body and not self.transport.is_closing():
            self._drain()

    def data_received(self, data: bytes | memoryview) -> None:
        """Parse what came, drop what nobody waits for, and refuse what does not end."""
        if self.transport.is_closing() or not self._count_drained(data):
            return
        self._made_progress = False
        self._parse(data)
        self.flow.yield_after_small_pieces()
        if self._refused or self.transport.is_closing():
            return
        self._overhead = 0 if self._made_progress else self._overhead + len(data)
        if self._in_head:
            self._look_for_token(data)
        if not self._in_body:
            self._expect_next_head()
        if self._overhead > _HEAD_LIMIT:
            self._refuse(HEAD_TOO_LARGE_WITH_TOKEN if self._in_head and self._has_token else HEAD_TOO_LARGE)

    def eof_received(self) -> None:
        """Let a refused connection go once its peer has said everything."""
        if self._refused:
            self.transport.close()
        super().eof_received()

    def _parse(self, data: bytes | memoryview) -> None:
        """Read on, as uvicorn does, but past a wish for an upgrade that is ignored."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self._refuse(self._refusal or MALFORMED)
        except HttpParserUpgrade as upgrade:
            if self._upgrade_ignored:
                self._reparse_without_upgrade(data[upgrade.args[0] :])
            else:
                self.handle_websocket_upgrade()

    def _decide_upgrade(self) -> None:
        """Decide what becomes of a head with such a wish; the parser takes what follows for another protocol."""
        if not (self._should_upgrade() and is_websocket_handshake(self.parser.get_method(), self.headers)):
            if self._upgrade_ignored:  # a CONNECT, which is nothing else
                raise ValueError
            self._upgrade_ignored = True
        elif self.cycle is not None and not self.cycle.response_complete:
            raise ValueError  # its frames would stand before the answer that is still to come
        else:
            super().on_headers_complete()

    def _reparse_without_upgrade(self, rest: bytes | memoryview) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._parse(strip_upgrade(method, self.url, version, self.headers))
        self._upgrade_ignored = False
        if len(rest) > 0 and not self._refused and not self.transport.is_closing():
            self._parse(rest)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    @property
    def _response_complete(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete

    def _look_for_token(self, data: bytes | memoryview) -> None:
        self._has_token = self._has_token or _TOKEN_HEADER in (self._end_of_last + data).lower()
        self._end_of_last = bytes(data[-len(_TOKEN_HEADER) :])

    def _expect_head(self) -> None:
        self._head_end = self.loop.call_later(self.head_seconds, self._on_head_timeout)

    def _on_head_timeout(self) -> None:
        """Give up on a head, unless an earlier request keeps us from answering it anyway."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._expect_head()
        elif self._in_head:
            self._refuse(HEAD_TIMEOUT)
        else:
            self.transport.close()

    def _expect_next_head(self) -> None:
        """Start the next head's time with its first byte, even if that is an empty line; end what was drained."""
        if self._head_end is None and (self._in_head or not self._made_progress):
            self._expect_head()
        if self._drain_end is not None:
            self._drain_end = _cancelled(self._drain_end)
            if self._response_complete:
                self._close_after_response()

    def _count_drained(self, data: bytes | memoryview) -> bool:
        """Count what is dropped, and close when it is too much; a body that is drained is still parsed to its end."""
        if self._drain_end is None:
            return True
        self._drained_bytes += len(data)
        if self._drained_bytes > self.drain_bytes:
            self.transport.abort()
            return False
        return not self._refused

    def _drain(self) -> None:
        self._drained_bytes = 0
        self._drain_end = self.loop.call_later(self.drain_seconds, self.transport.abort)

    def _close_after_response(self) -> None:
        """Close after an answer that is the last one; while its request still comes, only our own side.

        A connection that goes on is idle from now, since uvicorn counts only from the answer.
        """
        if self.cycle.keep_alive and self.cycle.response_complete:
            self._unset_keepalive_if_required()
            if not self._in_head:
                idle = self.timeout_keep_alive
                self.timeout_keep_alive_task = self.loop.call_later(idle, self.timeout_keep_alive_handler)
        elif self.cycle.response_complete and self._in_body:
            self._half_close()
        else:
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        """Answer in place of the application, which is told that its client has gone; once answered, only close."""
        if self._drain_end is not None:
            self.transport.close()
            return
        self._refused = True
        self._head_end = _cancelled(self._head_end)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if self.pipeline or cycle.response_started or not cycle.more_body:  # ours would be taken for that answer
                self.transport.abort()
                return
        self.transport.write(answer)
        self._half_close()
        self._drain()

    def _half_close(self) -> None:
        self._half_closed = True
        if self.transport.can_write_eof():
            self.transport.write_eof()


def http1_protocol_factory(kind: type[BoundedHttpProtocol] = BoundedHttpProtocol) -> Callable[..., BoundedReadProtocol]:
    """Return what makes the protocol of each new connection, as uvicorn calls it."""
    memory = BodyMemoryPool()

    def made(**given: object) -> BoundedReadProtocol:
        protocol = kind(memory, **given)
        return BoundedReadProtocol(protocol, lambda: protocol.flow.max_read_size)

    return made


def _cancelled(timer: TimerHandle | None) -> TimerHandle | None:
    """Cancel a timer; returns what to keep of it."""
    if timer is not None:
        timer.cancel()
    return None
