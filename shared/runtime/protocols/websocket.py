"""uvicorn's WebSocket protocol with better endings: a gentle one at shutdown, and a certain one after a stall.

uvicorn closes every WebSocket with 1012 the moment it is told to stop, and leaves a connection whose peer reads
nothing open for as long as its buffer can't be flushed: for ever.
"""

import asyncio
import logging
from asyncio.transports import BaseTransport
from collections.abc import Callable

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import SecurityError

from shared.http.websocket_shutdown import _EXTENSION
from shared.runtime.protocols.raw_http import HEAD_TOO_LARGE, MALFORMED

_LAST_SECONDS = 3.0  # for the peer to read what is buffered and to answer our close frame


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection; gone a few seconds after the application is done with it, whatever the peer does."""

    _at_shutdown: Callable[[], None] | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Log elsewhere than uvicorn does: these lines carry queries and headers, so they can be silenced alone."""
        super().connection_made(transport)
        self.logger = self.conn.logger = logging.getLogger("uvicorn.websocket")
        self.conn.debug = self.logger.isEnabledFor(logging.DEBUG)

    def data_received(self, data: bytes) -> None:
        """Read on; an opening handshake that can't be read is answered, where uvicorn would wait for ever."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            self.handshake_complete = self.close_sent = True
            self.transport.write(HEAD_TOO_LARGE if isinstance(self.conn.handshake_exc, SecurityError) else MALFORMED)
            self.transport.close()

    async def run_asgi(self) -> None:
        """Offer the extension to the application, and run it."""
        self.scope["extensions"][_EXTENSION] = {"register": self._register}
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        """Let a close frame not wait for room: it is a few bytes, and nothing comes after it."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = self.close_sent = True  # refused in order: that is no error to log

    def shutdown(self) -> None:
        """Leave the goodbye to an application that asked for it, for as long as the server can wait."""
        if self._at_shutdown is not None and self.handshake_complete and not self.close_sent:
            self._at_shutdown()
            grace = self.config.timeout_graceful_shutdown or _LAST_SECONDS * 2
            self.loop.call_later(min(_LAST_SECONDS, grace / 2), self.transport.abort)
        else:
            super().shutdown()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Bound what is left of the connection once the application has returned."""
        super().on_task_complete(task)
        self.loop.call_later(_LAST_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Bound the closing of a connection whose peer no longer answers pings."""
        super().keepalive_timeout()
        self.loop.call_later(_LAST_SECONDS, self.transport.abort)

    def _register(self, call: Callable[[], None]) -> None:
        self._at_shutdown = call
