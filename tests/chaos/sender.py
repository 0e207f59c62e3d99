"""Clients that send calls whatever happens, and remember every promise they were given."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.plan import Plan
from tests.chaos.result import RunResult
from tests.chaos.scripted_session import ScriptedSession, random_session

_OCTETS = {"Content-Type": "application/octet-stream"}
_AGAIN = {408, 429, 500, 502, 503, 504, 507}
_PAUSE = (0.02, 0.3)
_MOST_OPEN = 1000  # calls whose end is not seen yet

Ask = Callable[[], Coroutine[Any, Any, httpx.Response]]


@dataclass(slots=True)
class SentSessions:
    """All calls of a run: every one that was begun, and those whose end is still awaited, oldest first.

    `pace` is the most calls a second of each sender.
    """

    calls: list[ScriptedSession] = field(default_factory=list)
    awaited: deque[ScriptedSession] = field(default_factory=deque)
    pace: float = 5.0
    ending: bool = False


class Sender:
    """Sends one call after the other: its chunks a few at a time, again on any failure, some of them once more."""

    def __init__(
        self, name: str, plan: Plan, client: httpx.AsyncClient, traffic: SentSessions, tally: RunResult
    ) -> None:
        self._name = name
        self._plan = plan
        self._client = client
        self._traffic = traffic
        self._tally = tally
        self._pauses = plan.dice(f"{name}/pauses")  # apart, since how many are drawn depends on the machine

    async def run(self) -> None:
        """Go on until the traffic is `ending`; the last call is sent to its end."""
        number = 0
        while not self._traffic.ending:
            if len(self._traffic.awaited) >= _MOST_OPEN:
                await asyncio.sleep(_PAUSE[1])
                continue
            number += 1
            session = f"{self._name}-{number}"
            call = random_session(session, self._plan.dice(session))
            self._traffic.calls.append(call)
            dice = self._plan.dice(f"{session}/sending")
            await self._send(call, dice)
            if await self._finalize(call, dice):
                self._traffic.awaited.append(call)
            await asyncio.sleep(self._pauses.uniform(0, 2 / self._traffic.pace))

    async def _send(self, call: ScriptedSession, dice: random.Random) -> None:
        order = list(range(len(call.chunks)))
        if not call.indexed:
            for place in order:
                await self._chunk(call, call.chunks[place], None)
            return
        dice.shuffle(order)
        order += [place for place in order if dice.random() < 0.1]
        hands = asyncio.Semaphore(dice.randint(1, 4))

        async def one(place: int) -> None:
            async with hands:
                await self._chunk(call, call.chunks[place], place)

        async with asyncio.TaskGroup() as sending:
            for place in order:
                sending.create_task(one(place))

    async def _chunk(self, call: ScriptedSession, content: bytes, index: int | None) -> None:
        query = {} if index is None else {"chunk_index": index}
        path = f"/upload_chunk/{call.session}"
        answer = await self._persist(
            "chunk", lambda: self._client.post(path, content=content, headers=_OCTETS, params=query)
        )
        if answer is None:
            return
        told = int(answer.json()["chunk_index"])
        wrong = call.acknowledge(told, content)
        if index is not None and told != index:
            wrong = f"{call.session}: chunk {index} was acknowledged as {told}"
        if wrong is not None:
            self._tally.violated(wrong)

    async def _finalize(self, call: ScriptedSession, dice: random.Random) -> bool:
        headers = {"Prefer": "respond-async"} if dice.random() < 0.7 else {}
        path = f"/finalize/{call.session}"
        answer = await self._persist("finalize", lambda: self._client.post(path, headers=headers))
        if answer is not None and answer.status_code == 200:
            call.result = answer.json()["sha256"]
        call.finalized = answer is not None
        return call.finalized

    async def _persist(self, what: str, ask: Ask) -> httpx.Response | None:
        """Ask until the answer is a success; None for a refusal that no repetition can turn, which is a violation."""
        try:
            async with asyncio.timeout(self._plan.patience):
                while True:
                    answer = await self._ask(what, ask)
                    if answer is not None:
                        break
                    await asyncio.sleep(self._pauses.uniform(*_PAUSE))
        except TimeoutError:
            self._tally.violated(f"{self._name}: no {what} was taken for {self._plan.patience:.0f} s")
            return None
        if answer.status_code in {200, 202}:
            return answer
        self._tally.violated(f"{self._name}: {what} was answered {answer.status_code} {answer.text[:200]}")
        return None

    async def _ask(self, what: str, ask: Ask) -> httpx.Response | None:
        try:
            answer = await ask()
        except httpx.TransportError:
            self._tally.answers[f"{what} broken off"] += 1
            return None
        self._tally.answers[f"{what} {answer.status_code}"] += 1
        return None if answer.status_code in _AGAIN else answer
