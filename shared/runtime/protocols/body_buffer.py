"""How much of a body is gathered before the application is woken: a byte costs it about as much as a mebibyte."""

import asyncio
from collections import OrderedDict
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_FREE_BYTES = 32 * 1024  # bytes of a body that every connection may hold, however many there are: a second of speech
_FREE_BYTES_TOTAL = 2 * 1024 * 1024
_HEAD = 8 * 1024  # a read's room for what stands before the body
_LEAST_READ = 16 * 1024  # less is not worth a system call
_MIN_SHARE = 256 * 1024
_MAX_SHARE = 1024 * 1024
_POOL_BYTES = 4 * 1024 * 1024
_SMALL_PIECE = 1024  # a piece of less is copied rather than kept: as an object it takes 56 bytes more
_MANY_PIECES = 256  # in one read
_HAND_OVER_SECONDS = 0.01  # seconds; a sender that is slower than this is heard piece by piece
_POOL_WAIT_SECONDS = 0.25  # seconds; who gets no memory goes on in small pieces


class _PieceBuffer(bytearray):
    """What uvicorn takes for the bytes gathered so far; joined once, when `receive()` wants them.

    The array itself holds the crumbs at the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._pieces: list[bytes] = []

    def append(self, piece: bytes) -> None:  # type: ignore[override]  # nobody appends single bytes to a body
        """Take a piece as it is."""
        self.size += len(piece)
        if len(piece) < _SMALL_PIECE:
            self.extend(piece)
        else:
            self._gather_crumbs()
            self._pieces.append(piece)

    def _gather_crumbs(self) -> None:
        if len(self) > 0:
            self._pieces.append(b"".join([self]))
            self.clear()

    def __bytes__(self) -> bytes:
        self._gather_crumbs()
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


class BodyMemoryPool:
    """What the bodies on all connections of a server may take together, beyond the little that needs no asking.

    Granted first come, first served. Whoever is not served waits in the kernel's buffers, and its sender with it: a
    few bodies that gather much are done sooner than many that gather little, and hold less.
    """

    def __init__(self, size: int = _POOL_BYTES) -> None:
        self._size = size
        self._free = size
        self._waiting: OrderedDict[BodyFlowControl, int] = OrderedDict()

    def acquire(self, body: "BodyFlowControl", connections: int) -> int:
        """Return how many bytes `body` may gather; 0 makes it wait until it is `on_granted` some, or gives up."""
        share = max(_MIN_SHARE, min(_MAX_SHARE, self._size // max(1, connections)))
        if self._waiting or share > self._free:
            self._waiting[body] = share
            return 0
        self._free -= share
        return share

    def cancel(self, body: "BodyFlowControl") -> None:
        """Wait no more."""
        if self._waiting.pop(body, None) is not None:
            self._serve()  # who stood behind may want less

    def release(self, share: int) -> None:
        """Let the next ones have it."""
        self._free += share
        self._serve()

    def _serve(self) -> None:
        while self._waiting and (wanted := next(iter(self._waiting.values()))) <= self._free:
            body, _ = self._waiting.popitem(last=False)
            self._free -= wanted
            body.on_granted(wanted)


class BodyFlowControl(FlowControl):
    """One connection's body bytes on their way to `receive()`: handed over when there are many, or after 10 ms.

    It asks for memory only while the application waits for bytes, and gives it back when the application comes for
    more: so nobody holds any who does not use it. Reading pauses while a body may not grow, and while requests are
    `pipelined`: the newest does not run yet, so nobody waits for its body.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        memory: BodyMemoryPool,
        *,
        connections: Sized,
        pipelined: Sized,
    ) -> None:
        super().__init__(transport)
        self._loop = loop
        self._memory = memory
        self._connections = connections
        self._pipelined = pipelined
        self._cycle: RequestResponseCycle | None = None
        self._wanted = False
        self._share = 0
        self._pieces = 0
        self._in_crumbs = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def max_read_size(self) -> int:
        """How many bytes one read may bring."""
        if self._in_crumbs:
            return _LEAST_READ
        return max(_LEAST_READ, self._share - self._gathered) if self._share else self._unasked + _HEAD

    def add(self, cycle: RequestResponseCycle, piece: bytes) -> None:
        """Take a piece of the body that `cycle` receives."""
        if not isinstance(cycle.body, _PieceBuffer):
            cycle.body = _PieceBuffer()
        cycle.body.append(piece)
        self._cycle = cycle
        self._pieces += 1
        if not self._may_grow():
            self.pause_reading()

    def yield_after_small_pieces(self) -> None:
        """Let others have their turn after a read of very many pieces: each of them costs as much as a large one."""
        self._in_crumbs, self._pieces = self._pieces > _MANY_PIECES, 0
        if self._in_crumbs and not self.read_paused:
            self.pause_reading()
            self._loop.call_soon(self._go_on)

    def resume_reading(self) -> None:
        """Go on: the application waits for more, so it has done with what it was given."""
        if self._pipelined:
            return
        self._wanted = True
        self._give_back()
        self._go_on()

    def on_granted(self, share: int) -> None:
        """Go on with memory that was asked for."""
        self._share = share
        self._wait(_HAND_OVER_SECONDS)
        super().resume_reading()

    def end(self) -> None:
        """Wait for nothing more: the body is complete, or nobody wants it any more."""
        self._wanted = False
        self._cycle = None
        self._stop_waiting()
        self._give_back()

    @property
    def _unasked(self) -> int:
        return max(_FREE_BYTES, min(_MIN_SHARE, _FREE_BYTES_TOTAL // max(1, len(self._connections))))

    @property
    def _gathered(self) -> int:
        body = self._cycle.body if self._cycle is not None else None
        return body.size if isinstance(body, _PieceBuffer) else 0

    def _go_on(self) -> None:
        if not self._pipelined and self._may_grow():
            super().resume_reading()

    def _may_grow(self) -> bool:
        gathered = self._gathered
        if not self._wanted:
            return gathered < self._unasked
        if not self._share and gathered >= self._unasked:
            self._share = self._memory.acquire(self, len(self._connections))
            self._wait(_HAND_OVER_SECONDS if self._share else _POOL_WAIT_SECONDS)
            return self._share > 0
        if self._share and gathered + _LEAST_READ > self._share:
            self._hand_over()
            return False
        if gathered and self._timer is None:
            self._wait(_HAND_OVER_SECONDS)
        return True

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._hand_over)

    def _hand_over(self) -> None:
        self._stop_waiting()
        self._wanted = False
        if self._cycle is not None:
            self._cycle.message_event.set()

    def _stop_waiting(self) -> None:
        self._memory.cancel(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_back(self) -> None:
        share, self._share = self._share, 0
        if share:
            self._memory.release(share)
