"""The one-machine form's server: uvicorn with an event for "serving" and a hard limit on the time of a stop."""

import asyncio
import faulthandler
import socket
from types import FrameType

import uvicorn

_CLOSING_SECONDS = 9  # lifespans (about 2 s) and engines (at most 5 s), after the grace period of the requests


class Server(uvicorn.Server):
    """Uvicorn's server; sets `serving` once it accepts requests, and `failure` holds the error that stopped it."""

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
        self._limit_stop_time()
        super().handle_exit(sig, frame)

    def fail(self, failure: Exception) -> None:
        """Stop because of an error without which the server can't go on."""
        self._limit_stop_time()
        self.failure = failure
        self.should_exit = True

    def _limit_stop_time(self) -> None:
        """Exit the process with a traceback of all threads if the stop takes longer than the grace period and 9 s."""
        if not self.should_exit:
            grace = self.config.timeout_graceful_shutdown or 0
            faulthandler.dump_traceback_later(grace + _CLOSING_SECONDS, exit=True)
