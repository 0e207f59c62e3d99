"""How bytes come off a connection: into one buffer of the thread, no more at a time than there is room for."""

import asyncio
import threading
from collections.abc import Callable

_JOINED = 64 * 1024  # joining more would cost more than the call that it saves


class CoalescingTransport(asyncio.Transport):
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
            self._loop.call_soon(self._flush)
        elif self._held is not None and len(data) <= _JOINED:
            data, self._held = self._held + data, None
            self._send(data)
        else:
            self._flush()
            self._send(data)

    def is_closing(self) -> bool:
        """Whether the connection ends."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what is held, and end the answer."""
        self._flush()
        self._close()

    def _flush(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._send(held)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


_MOST = 256 * 1024  # a read of more is no faster


class _Buffer(threading.local):
    """The memory that reads go into; one for all connections of a loop, since what was read is parsed at once."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_MOST))


_buffer = _Buffer()


class BoundedReadProtocol(asyncio.BufferedProtocol):
    """Lets `protocol` read at most `room()` bytes at a time, with a copy less than a protocol makes by itself.

    Its `data_received` gets a memoryview that is good until it returns.
    """

    def __init__(self, protocol: asyncio.Protocol, room: Callable[[], int]) -> None:
        self._protocol = protocol
        self._room = room

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on."""
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # the loop knows nothing of bodies
        """Return where the next read goes."""
        return _buffer.view[: self._room()]

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on what was read."""
        self._protocol.data_received(_buffer.view[:nbytes])  # type: ignore[arg-type]  # ours takes views

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._protocol.eof_received()
