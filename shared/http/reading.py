"""How bytes come off a connection: into one buffer of the thread, no more at a time than there is room for."""

import asyncio
import threading
from collections.abc import Callable

_MOST = 256 * 1024  # a read of more is no faster


class _Buffer(threading.local):
    """The memory that reads go into; one for all connections of a loop, since what was read is parsed at once."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_MOST))


_buffer = _Buffer()


class BoundedReading(asyncio.BufferedProtocol):
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
