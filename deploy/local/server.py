"""The one-machine form's server: it says when it serves, and it is gone in time whatever hangs."""

import asyncio
import faulthandler
import socket
from types import FrameType

import uvicorn

_CLOSING_SECONDS = 9  # lifespans (about 2 s) and engines (at most 5 s) after the requests' own grace


class Server(uvicorn.Server):
    """Uvicorn's server with two moments made visible; `failure` ends it with that error."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()
        self.failure: Exception | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual, then set `serving`."""
        await super().startup(sockets)
        self.serving.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal."""
        self._bound_the_end()
        super().handle_exit(sig, frame)

    def fail(self, failure: Exception) -> None:
        """Stop because nothing can go on without what failed."""
        self._bound_the_end()
        self.failure = failure
        self.should_exit = True

    def _bound_the_end(self) -> None:
        """Show what hangs in closing, and leave it behind, once that takes too long."""
        if not self.should_exit:
            grace = self.config.timeout_graceful_shutdown or 0
            faulthandler.dump_traceback_later(grace + _CLOSING_SECONDS, exit=True)
