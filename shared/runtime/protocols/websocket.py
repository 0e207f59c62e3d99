"""uvicorn's WebSocket protocol, with a close frame of the application's at shutdown, and a deadline for every close.

uvicorn closes every WebSocket with 1012 as soon as it is stopped, and keeps a connection open as long as its write
buffer can't be flushed: for ever, if its peer reads nothing.
"""

import asyncio
import logging
from asyncio.transports import BaseTransport
from collections.abc import Callable

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import SecurityError

from shared.http.websocket_shutdown import SHUTDOWN_EXTENSION
from shared.runtime.protocols.raw_http import HEAD_TOO_LARGE, MALFORMED

_CLOSE_SECONDS = 3.0  # for the peer to read what is buffered and to send its close frame


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection; closed 3 s after the application has returned, whatever the peer does."""

    _on_shutdown: Callable[[], None] | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Log to `uvicorn.websocket`: these lines carry queries and headers, so they can be silenced alone."""
        super().connection_made(transport)
        self.logger = self.conn.logger = logging.getLogger("uvicorn.websocket")
        self.conn.debug = self.logger.isEnabledFor(logging.DEBUG)

    def data_received(self, data: bytes) -> None:
        """Read; a malformed opening handshake gets an error response, where uvicorn would wait for ever."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            self.handshake_complete = self.close_sent = True
            self.transport.write(HEAD_TOO_LARGE if isinstance(self.conn.handshake_exc, SecurityError) else MALFORMED)
            self.transport.close()

    async def run_asgi(self) -> None:
        """Add the shutdown extension to the scope, and run the application."""
        self.scope["extensions"][SHUTDOWN_EXTENSION] = {"register": self._register}
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a close frame even if the write buffer is full: it is a few bytes, and nothing comes after it."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = self.close_sent = True  # rejected as intended: that is no error to log

    def shutdown(self) -> None:
        """Call the application's callback instead of closing, if it has one, and close after 3 s at most."""
        if self._on_shutdown is not None and self.handshake_complete and not self.close_sent:
            self._on_shutdown()
            grace = self.config.timeout_graceful_shutdown or _CLOSE_SECONDS * 2
            self.loop.call_later(min(_CLOSE_SECONDS, grace / 2), self.transport.abort)
        else:
            super().shutdown()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Close within 3 s of the application's return."""
        super().on_task_complete(task)
        self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Close within 3 s once the peer has missed a ping."""
        super().keepalive_timeout()
        self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)

    def _register(self, callback: Callable[[], None]) -> None:
        self._on_shutdown = callback
