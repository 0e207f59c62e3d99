"""The connection as uvicorn writes an answer to it: head and body leave in one piece, and its end is ours."""

import asyncio
from collections.abc import Callable

_JOINED = 64 * 1024  # joining more would cost more than the call that it saves


class Answering(asyncio.Transport):
    """One request's answer.

    What is written first waits for what is written next in the same turn of the loop: a system call and a wake-up of
    the client less for each answer. `close` is called in place of the connection's own.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, close: Callable[[], None]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._close = close
        self._held: bytes | None = None
        self._begun = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hold the first piece until the end of this turn; write the others at once, behind it."""
        if not self._begun:
            self._begun = True
            self._held = bytes(data)
            self._loop.call_soon(self._let_go)
        elif self._held is not None and len(data) <= _JOINED:
            data, self._held = self._held + data, None
            self._send(data)
        else:
            self._let_go()
            self._send(data)

    def is_closing(self) -> bool:
        """Whether the connection ends."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what is held, and end the answer."""
        self._let_go()
        self._close()

    def _let_go(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._send(held)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)
