"""Buffers body bytes so that the application is woken per buffer, not per read: a wake-up costs as much as a MiB.

Every connection may buffer its free allowance: an even part of 2 MiB, 32 to 256 KiB. For more it acquires a share of
the pool of 4 MiB that all connections have in common, 256 KiB to 1 MiB, and releases it once the application asks for
more of the body. A buffer is handed over when it is full, or after 10 ms.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_FREE_BYTES = 32 * 1024  # a connection's free allowance at the least, however many there are: a second of speech
_FREE_BYTES_TOTAL = 2 * 1024 * 1024  # the free allowances of all connections, as long as each has the least
_MIN_SHARE = 256 * 1024  # of the pool; also the most of a free allowance
_MAX_SHARE = 1024 * 1024
_POOL_BYTES = 4 * 1024 * 1024
_POOL_WAIT_SECONDS = 0.25  # for a share; then what the free allowance holds is handed over
_HAND_OVER_SECONDS = 0.01  # after a buffer's first bytes; a slower sender's pieces are handed over one by one
_MIN_READ = 16 * 1024  # less is not worth a system call
_HEAD_BYTES = 8 * 1024  # room in a read for a head before the body
_SMALL_PIECE = 1024  # a smaller piece is copied rather than kept: as an object it takes 56 bytes more
_MANY_PIECES = 256  # in one read


class _PieceBuffer(bytearray):
    """A body buffer in place of uvicorn's bytearray: a list of pieces, joined once, when `receive()` takes it.

    The array itself holds the small pieces at its end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._pieces: list[bytes] = []

    def append(self, piece: bytes) -> None:  # type: ignore[override]  # single bytes are never appended to a body
        """Add a piece, by reference unless it is small."""
        self.size += len(piece)
        if len(piece) < _SMALL_PIECE:
            self.extend(piece)
        else:
            self._join_small_pieces()
            self._pieces.append(piece)

    def _join_small_pieces(self) -> None:
        if len(self) > 0:
            self._pieces.append(b"".join([self]))
            self.clear()

    def __bytes__(self) -> bytes:
        self._join_small_pieces()
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


class BodyMemoryPool:
    """Memory pool for the body buffers of all connections; their free allowances are not counted.

    Shares are granted first come, first served. A connection without one leaves its bytes in the kernel's buffers,
    which stops its sender: a few bodies with large buffers are done sooner than many with small ones, and hold less.
    """

    def __init__(self, size: int = _POOL_BYTES) -> None:
        self._size = size
        self._free = size
        self._waiting: OrderedDict[BodyFlowControl, int] = OrderedDict()

    def acquire(self, flow: "BodyFlowControl", connections: int) -> int:
        """Return the size of the share in bytes; 0 if there is none yet: `flow.on_granted` or `cancel` follows."""
        share = max(_MIN_SHARE, min(_MAX_SHARE, self._size // max(1, connections)))
        if self._waiting or share > self._free:
            self._waiting[flow] = share
            return 0
        self._free -= share
        return share

    def cancel(self, flow: "BodyFlowControl") -> None:
        """Take a connection out of the queue."""
        if self._waiting.pop(flow, None) is not None:
            self._grant()  # the next in the queue may want less

    def release(self, share: int) -> None:
        """Return a share to the pool, and grant it to the next connections in the queue."""
        self._free += share
        self._grant()

    def _grant(self) -> None:
        while self._waiting and (share := next(iter(self._waiting.values()))) <= self._free:
            flow, _ = self._waiting.popitem(last=False)
            self._free -= share
            flow.on_granted(share)


class BodyFlowControl(FlowControl):
    """Flow control of one connection: hands its body buffer over to `receive()` when it is full, or after 10 ms.

    A share of the pool is acquired only while the application waits in `receive()`, and released when it calls it
    again: no share is held for an application that does not read. Reading pauses while the buffer may not grow, and
    while requests are `pipelined`: the newest is not processed yet, so its body would only be held.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        pool: BodyMemoryPool,
        *,
        connections: Sized,
        pipelined: Sized,
    ) -> None:
        super().__init__(transport)
        self._loop = loop
        self._pool = pool
        self._connections = connections
        self._pipelined = pipelined
        self._cycle: RequestResponseCycle | None = None
        self._receiving = False  # whether the application waits for bytes
        self._share = 0  # of the pool, in bytes
        self._pieces = 0  # in this read
        self._many_pieces = False  # in the last read
        self._timer: asyncio.TimerHandle | None = None

    @property
    def max_read_size(self) -> int:
        """How many bytes one read may bring."""
        if self._many_pieces:
            return _MIN_READ
        return max(_MIN_READ, self._share - self._buffered) if self._share else self._free_allowance + _HEAD_BYTES

    def add(self, cycle: RequestResponseCycle, piece: bytes) -> None:
        """Buffer a piece of the body of `cycle`."""
        if not isinstance(cycle.body, _PieceBuffer):
            cycle.body = _PieceBuffer()
        cycle.body.append(piece)
        self._cycle = cycle
        self._pieces += 1
        if not self._may_grow():
            self.pause_reading()

    def yield_after_small_pieces(self) -> None:
        """Let other connections have the loop after a read of over 256 pieces: each costs as much as a large one."""
        self._many_pieces, self._pieces = self._pieces > _MANY_PIECES, 0
        if self._many_pieces and not self.read_paused:
            self.pause_reading()
            self._loop.call_soon(self._resume_if_allowed)

    def resume_reading(self) -> None:
        """Release the share, as the application asks for more, and read on; uvicorn calls this in `receive()`."""
        if self._pipelined:
            return
        self._receiving = True
        self._release_share()
        self._resume_if_allowed()

    def on_granted(self, share: int) -> None:
        """Read on with a share of `share` bytes."""
        self._share = share
        self._start_timer(_HAND_OVER_SECONDS)
        super().resume_reading()

    def end(self) -> None:
        """Give back everything: the body is complete, or no longer wanted."""
        self._receiving = False
        self._cycle = None
        self._stop_waiting()
        self._release_share()

    @property
    def _free_allowance(self) -> int:
        return max(_FREE_BYTES, min(_MIN_SHARE, _FREE_BYTES_TOTAL // max(1, len(self._connections))))

    @property
    def _buffered(self) -> int:
        body = self._cycle.body if self._cycle is not None else None
        return body.size if isinstance(body, _PieceBuffer) else 0

    def _resume_if_allowed(self) -> None:
        if not self._pipelined and self._may_grow():
            super().resume_reading()

    def _may_grow(self) -> bool:
        """Whether the buffer may take more bytes; acquires a share for them, or hands over a buffer that is full."""
        buffered = self._buffered
        if not self._receiving:
            return buffered < self._free_allowance
        if not self._share and buffered >= self._free_allowance:
            self._share = self._pool.acquire(self, len(self._connections))
            self._start_timer(_HAND_OVER_SECONDS if self._share else _POOL_WAIT_SECONDS)
            return self._share > 0
        if self._share and buffered + _MIN_READ > self._share:
            self._hand_over()
            return False
        if buffered and self._timer is None:
            self._start_timer(_HAND_OVER_SECONDS)
        return True

    def _start_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._hand_over)

    def _hand_over(self) -> None:
        self._stop_waiting()
        self._receiving = False
        if self._cycle is not None:
            self._cycle.message_event.set()

    def _stop_waiting(self) -> None:
        self._pool.cancel(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release_share(self) -> None:
        share, self._share = self._share, 0
        if share:
            self._pool.release(share)
