"""How much of a body is gathered before the application is woken: a byte costs it about as much as a mebibyte."""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_MOST = 1024 * 1024
_LEAST = 64 * 1024
_TOGETHER = 4 * 1024 * 1024  # over all connections
_PATIENCE = 0.01  # seconds; a sender that is slower than this is heard piece by piece


class _Pieces(bytearray):
    """What uvicorn takes for the bytes gathered so far; joined once, when `receive()` wants them."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._pieces: list[bytes] = []

    def append(self, piece: bytes) -> None:  # type: ignore[override]  # nobody appends single bytes to a body
        """Take a piece as it is."""
        self._pieces.append(piece)
        self.size += len(piece)

    def __bytes__(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


class BodyGathering:
    """One connection's body bytes on their way to `receive()`: handed over when there are many, or after 10 ms.

    Reading pauses while the application has not fetched what was handed over, so a connection holds no more than its
    share and what the kernel delivered in one read.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, flow: FlowControl, connections: Sized) -> None:
        self._loop = loop
        self._flow = flow
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None

    def add(self, cycle: RequestResponseCycle, piece: bytes) -> None:
        """Take a piece of the body that `cycle` receives."""
        if not isinstance(cycle.body, _Pieces):
            cycle.body = _Pieces()
        cycle.body.append(piece)
        if cycle.body.size >= self._share:
            self._flow.pause_reading()
            self._hand_over(cycle)
        elif self._timer is None:
            self._timer = self._loop.call_later(_PATIENCE, self._hand_over, cycle)

    def end(self) -> None:
        """Wait for nothing more: the body is complete, or its connection has gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hand_over(self, cycle: RequestResponseCycle) -> None:
        self.end()
        cycle.message_event.set()

    @property
    def _share(self) -> int:
        return max(_LEAST, min(_MOST, _TOGETHER // max(1, len(self._connections))))
