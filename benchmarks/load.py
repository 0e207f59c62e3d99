"""The load program: keeps a number of connections busy with uploads, and measures each one.

Run as a process of its own (`python -m benchmarks.load`): an order comes as JSON on standard input, the outcome goes as
JSON to standard output. Every server is sent the same bodies by the same code; only the heads differ.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count

import httptools
import uvloop

from benchmarks.shapes import SHAPES, Shape

_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to send: `requests` bodies of `size` bytes over `connections`, in the `shape` that a server wants.

    `run` makes names unique; a request that takes longer than two minutes ends the whole.
    """

    port: int
    shape: str
    size: int
    connections: int
    requests: int
    run: str = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went: seconds in all, and of each request in order of its end; how many were not answered with success."""

    seconds: float
    latencies: list[float]
    failures: int


class _Connection(asyncio.Protocol):
    """Sends one upload after the other, each when the one before it is answered."""

    def __init__(self, order: Order, shape: Shape, number: int, turns: Iterator[int]) -> None:
        self._order = order
        self._shape = shape
        self._number = number
        self._turns = turns
        self._body = shape.body(os.urandom(order.size))
        self._begun = 0.0
        self.latencies: list[float] = []
        self.failures = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP's always is
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            self._end(exc)

    def on_message_complete(self) -> None:
        self.latencies.append(time.perf_counter() - self._begun)
        self.failures += not 200 <= self._parser.get_status_code() < 300  # noqa: PLR2004  # RFC 9110, section 15.3
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError("the server closed the connection"))

    def _next(self) -> None:
        turn = next(self._turns, None)
        if turn is None:
            self._end(None)
            return
        self._parser = httptools.HttpResponseParser(self)
        head = self._shape.head(self._order.run, self._number, turn, len(self._body))
        self._begun = time.perf_counter()
        self._transport.write(head)
        self._transport.write(self._body)

    def _end(self, failure: Exception | None) -> None:
        if not self.done.done():
            if failure is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(failure)
        self._transport.close()


async def send(order: Order) -> Outcome:
    """Carry out an order; raises OSError when a connection breaks, and TimeoutError."""
    loop = asyncio.get_running_loop()
    turns = iter(range(order.requests))
    shape = SHAPES[order.shape]
    begun = time.perf_counter()
    connections = [
        (await loop.create_connection(lambda n=n: _Connection(order, shape, n, turns), "127.0.0.1", order.port))[1]  # type: ignore[misc]  # mypy infers no default
        for n, _ in zip(count(), range(order.connections), strict=False)
    ]
    async with asyncio.timeout(_SECONDS):
        await asyncio.gather(*(connection.done for connection in connections))
    return Outcome(
        seconds=time.perf_counter() - begun,
        latencies=[seconds for connection in connections for seconds in connection.latencies],
        failures=sum(connection.failures for connection in connections),
    )


def main() -> None:
    """Read the order, carry it out, write the outcome."""
    order = Order(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(send(order))), sys.stdout)


if __name__ == "__main__":
    main()
