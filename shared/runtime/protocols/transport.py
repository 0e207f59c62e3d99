"""A connection's writes, with a response's first two joined, and its reads, limited in size."""

import asyncio
import threading
from collections.abc import Callable

_MAX_JOINED = 64 * 1024  # copying a larger piece costs more than the system call that it saves


class CoalescingTransport(asyncio.Transport):
    """Transport wrapper for one response that joins its head and first body piece into one write.

    The first write is held until the next one, at most for the current iteration of the loop: that saves a system call
    and a wake-up of the client for each response. `close` is called in place of the connection's own.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, close: Callable[[], None]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._close = close
        self._held: bytes | None = None
        self._started = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hold the first piece until the end of the loop's iteration; write the others at once, behind it."""
        if not self._started:
            self._started = True
            self._held = bytes(data)
            self._loop.call_soon(self._flush)
        elif self._held is not None and len(data) <= _MAX_JOINED:
            data, self._held = self._held + data, None
            self._send(data)
        else:
            self._flush()
            self._send(data)

    def is_closing(self) -> bool:
        """Whether the connection is closing."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write the held piece, and end the response."""
        self._flush()
        self._close()

    def _flush(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._send(held)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


_MAX_READ = 256 * 1024  # larger reads are no faster


class _ReadBuffer(threading.local):
    """Memory for reads, 256 KiB a thread: all connections of a loop share it, since each read is parsed at once."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_MAX_READ))


_read_buffer = _ReadBuffer()


class BoundedReadProtocol(asyncio.BufferedProtocol):
    """Passes reads of at most `max_read_size()` bytes on to `protocol`, with one copy less than asyncio.Protocol needs.

    Its `data_received` gets a memoryview that is valid until it returns.
    """

    def __init__(self, protocol: asyncio.Protocol, max_read_size: Callable[[], int]) -> None:
        self._protocol = protocol
        self._max_read_size = max_read_size

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass the start of the connection on."""
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass its end on."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on: the transport's write buffer is full."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on: there is room again."""
        self._protocol.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # the loop's guess
        """Return the memory for the next read."""
        return _read_buffer.view[: self._max_read_size()]

    def buffer_updated(self, nbytes: int) -> None:
        """Pass the read on."""
        self._protocol.data_received(_read_buffer.view[:nbytes])  # type: ignore[arg-type]  # ours takes views

    def eof_received(self) -> bool | None:
        """Pass it on: the peer sends nothing more."""
        return self._protocol.eof_received()
