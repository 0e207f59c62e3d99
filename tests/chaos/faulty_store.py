"""A way to the store on which requests go wrong, as the seed has it."""

import asyncio
import random
from collections.abc import Sequence

from tests.chaos.result import RunResult
from tests.relay import Ends, Relay, first_of

FAULTS: Sequence[str] = ("500", "503", "slow", "stall", "reset", "answer lost")
_SLOW_SECONDS = (0.2, 2.0)
_STALL_SECONDS = (2.0, 15.0)


class FaultyStore(Relay):
    """Passes bytes on to a port of this machine; what a client says first after an answer begins a request.

    `rate` is the share of requests that go wrong, 0 for none, each in one way of `kinds`: answered 500 or 503 without
    reaching the store, delayed, held without an answer, reset in its middle, or done and its answer lost. `calm` ends
    all that, what is stalled included.
    """

    def __init__(self, target: int, dice: random.Random, tally: RunResult) -> None:
        super().__init__(target)
        self.rate = 0.0
        self.kinds = FAULTS
        self._dice = dice
        self._tally = tally
        self._stalled: set[asyncio.Future[None]] = set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calm(self) -> None:
        """Let nothing go wrong from now on."""
        self.rate = 0.0
        for task in self._stalled:
            task.cancel()

    async def pass_on(self, ends: Ends) -> None:
        talk = _Talk(ends)
        await first_of(self._requests(talk), talk.pass_answers())

    async def _requests(self, talk: "_Talk") -> None:
        while piece := await talk.ends.client.read(65536):
            fault = self._draw() if talk.begins_request() else ""
            if fault in {"500", "503"}:
                talk.ends.back.write(f"HTTP/1.1 {fault} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                return
            if fault == "slow":
                await asyncio.sleep(self._dice.uniform(*_SLOW_SECONDS))
            elif fault == "stall":
                await self._stall()
            elif fault == "reset":
                talk.ends.there.write(piece[: len(piece) // 2])
                await talk.ends.there.drain()
                raise ConnectionResetError
            talk.lose_answer = talk.lose_answer or fault == "answer lost"
            talk.ends.there.write(piece)
            await talk.ends.there.drain()

    def _draw(self) -> str:
        if self._dice.random() >= self.rate:
            return ""
        fault = self._dice.choice(self.kinds)
        self._tally.faults[f"store {fault}"] += 1
        return fault

    async def _stall(self) -> None:
        held = asyncio.ensure_future(asyncio.sleep(self._dice.uniform(*_STALL_SECONDS)))
        self._stalled.add(held)
        try:
            await asyncio.wait([held])
        finally:
            held.cancel()
            self._stalled.discard(held)
        raise ConnectionResetError


class _Talk:
    """One connection and its other half."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.lose_answer = False
        self._response_sent = True

    def begins_request(self) -> bool:
        """Whether what the client says now is the first since it was answered."""
        begins, self._response_sent = self._response_sent, False
        return begins

    async def pass_answers(self) -> None:
        while piece := await self.ends.answers.read(65536):
            if self.lose_answer:
                raise ConnectionResetError
            self._response_sent = True
            self.ends.back.write(piece)
            await self.ends.back.drain()
