"""The load program: keeps a number of connections busy with uploads, and measures each upload.

Run in its own process (`python -m benchmarks.load`): it reads an order as JSON from standard input and writes the
outcome as JSON to standard output. Every server is sent the same bodies by the same code; only the heads differ.
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
    """What to send: `requests` bodies of `size` bytes over `connections` connections, in the `shape` of a server's API.

    `run` makes names unique. The whole order may take two minutes.
    """

    port: int
    shape: str
    size: int
    connections: int
    requests: int
    run: str = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Seconds in all, seconds of each request in order of completion, and how many responses were not 2xx."""

    seconds: float
    latencies: list[float]
    failures: int


class _Connection(asyncio.Protocol):
    """Sends one upload after another, each when the response to the one before is complete."""

    def __init__(self, order: Order, shape: Shape, number: int, numbers: Iterator[int]) -> None:
        self._order = order
        self._shape = shape
        self._number = number
        self._numbers = numbers
        self._body = shape.body(os.urandom(order.size))
        self._started = 0.0
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
        self.latencies.append(time.perf_counter() - self._started)
        self.failures += not 200 <= self._parser.get_status_code() < 300  # noqa: PLR2004  # RFC 9110, section 15.3
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._numbers, None)
        if request is None:
            self._end(None)
            return
        self._parser = httptools.HttpResponseParser(self)
        head = self._shape.head(self._order.run, self._number, request, len(self._body))
        self._started = time.perf_counter()
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
    """Carry out an order; raises OSError when a connection breaks, TimeoutError after two minutes."""
    loop = asyncio.get_running_loop()
    numbers = iter(range(order.requests))
    shape = SHAPES[order.shape]
    started = time.perf_counter()
    connections = [
        (await loop.create_connection(lambda n=n: _Connection(order, shape, n, numbers), "127.0.0.1", order.port))[1]  # type: ignore[misc]  # mypy infers no default
        for n, _ in zip(count(), range(order.connections), strict=False)
    ]
    async with asyncio.timeout(_SECONDS):
        await asyncio.gather(*(connection.done for connection in connections))
    return Outcome(
        seconds=time.perf_counter() - started,
        latencies=[seconds for connection in connections for seconds in connection.latencies],
        failures=sum(connection.failures for connection in connections),
    )


def main() -> None:
    """Read the order from standard input, carry it out, and write the outcome to standard output."""
    order = Order(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(send(order))), sys.stdout)


if __name__ == "__main__":
    main()
