"""A relay to the store on which requests fail at random, repeatably from the seed."""

import asyncio
import random
from collections.abc import Sequence

from tests.chaos.result import RunResult
from tests.relay import Ends, Relay, first_of

FAULTS: Sequence[str] = ("500", "503", "slow", "stall", "reset", "response lost")
_SLOW_SECONDS = (0.2, 2.0)
_STALL_SECONDS = (2.0, 15.0)


class FaultyStore(Relay):
    """Relays bytes to a port of this machine; the first bytes of a client after a response begin a request.

    `rate` is the share of requests that fail, 0 for none, each by one fault of `kinds`: a 500 or 503 without reaching
    the store, a delay, no response at all, a reset in the middle of the request, or a lost response. `calm` ends all
    faults, stalled requests included.
    """

    def __init__(self, target: int, rng: random.Random, result: RunResult) -> None:
        super().__init__(target)
        self.rate = 0.0
        self.kinds = FAULTS
        self._rng = rng
        self._result = result
        self._stalled: set[asyncio.Future[None]] = set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calm(self) -> None:
        """Inject no faults from now on."""
        self.rate = 0.0
        for task in self._stalled:
            task.cancel()

    async def pass_on(self, ends: Ends) -> None:
        connection = _Connection(ends)
        await first_of(self._requests(connection), connection.relay_responses())

    async def _requests(self, connection: "_Connection") -> None:
        while piece := await connection.ends.client.read(65536):
            fault = self._draw() if connection.begins_request() else ""
            if fault in {"500", "503"}:
                connection.ends.back.write(
                    f"HTTP/1.1 {fault} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                return
            if fault == "slow":
                await asyncio.sleep(self._rng.uniform(*_SLOW_SECONDS))
            elif fault == "stall":
                await self._stall()
            elif fault == "reset":
                connection.ends.there.write(piece[: len(piece) // 2])
                await connection.ends.there.drain()
                raise ConnectionResetError
            connection.lose_response = connection.lose_response or fault == "response lost"
            connection.ends.there.write(piece)
            await connection.ends.there.drain()

    def _draw(self) -> str:
        if self._rng.random() >= self.rate:
            return ""
        fault = self._rng.choice(self.kinds)
        self._result.faults[f"store {fault}"] += 1
        return fault

    async def _stall(self) -> None:
        held = asyncio.ensure_future(asyncio.sleep(self._rng.uniform(*_STALL_SECONDS)))
        self._stalled.add(held)
        try:
            await asyncio.wait([held])
        finally:
            held.cancel()
            self._stalled.discard(held)
        raise ConnectionResetError


class _Connection:
    """One client's connection and the relay's connection to the store."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.lose_response = False
        self._response_sent = True

    def begins_request(self) -> bool:
        """Whether the client's next bytes are its first since the last response."""
        begins, self._response_sent = self._response_sent, False
        return begins

    async def relay_responses(self) -> None:
        while piece := await self.ends.answers.read(65536):
            if self.lose_response:
                raise ConnectionResetError
            self._response_sent = True
            self.ends.back.write(piece)
            await self.ends.back.drain()
