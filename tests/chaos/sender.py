"""Clients that send calls, retry whatever fails, and remember every acknowledgement."""

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
_RETRYABLE = {408, 429, 500, 502, 503, 504, 507}
_PAUSE = (0.02, 0.3)
_MAX_OPEN = 1000  # calls whose result is not seen yet

Request = Callable[[], Coroutine[Any, Any, httpx.Response]]


@dataclass(slots=True)
class SentSessions:
    """All calls of a run that were started, and those whose result is still awaited, oldest first.

    `pace` is the highest number of calls a second of each sender.
    """

    calls: list[ScriptedSession] = field(default_factory=list)
    awaited: deque[ScriptedSession] = field(default_factory=deque)
    pace: float = 5.0
    ending: bool = False


class Sender:
    """Sends one call after another: its chunks a few at a time, again after any failure, and some of them twice."""

    def __init__(self, name: str, plan: Plan, client: httpx.AsyncClient, sent: SentSessions, result: RunResult) -> None:
        self._name = name
        self._plan = plan
        self._client = client
        self._sent = sent
        self._result = result
        self._pauses = plan.rng(f"{name}/pauses")  # separate, since how many are drawn depends on the machine

    async def run(self) -> None:
        """Send calls until `ending` is set; the last call is sent whole."""
        number = 0
        while not self._sent.ending:
            if len(self._sent.awaited) >= _MAX_OPEN:
                await asyncio.sleep(_PAUSE[1])
                continue
            number += 1
            session = f"{self._name}-{number}"
            call = random_session(session, self._plan.rng(session))
            self._sent.calls.append(call)
            rng = self._plan.rng(f"{session}/sending")
            await self._send(call, rng)
            if await self._finalize(call, rng):
                self._sent.awaited.append(call)
            await asyncio.sleep(self._pauses.uniform(0, 2 / self._sent.pace))

    async def _send(self, call: ScriptedSession, rng: random.Random) -> None:
        order = list(range(len(call.chunks)))
        if not call.indexed:
            for index in order:
                await self._chunk(call, call.chunks[index], None)
            return
        rng.shuffle(order)
        order += [index for index in order if rng.random() < 0.1]
        workers = asyncio.Semaphore(rng.randint(1, 4))

        async def one(index: int) -> None:
            async with workers:
                await self._chunk(call, call.chunks[index], index)

        async with asyncio.TaskGroup() as sending:
            for index in order:
                sending.create_task(one(index))

    async def _chunk(self, call: ScriptedSession, content: bytes, index: int | None) -> None:
        query = {} if index is None else {"chunk_index": index}
        path = f"/upload_chunk/{call.session}"
        response = await self._retry(
            "chunk", lambda: self._client.post(path, content=content, headers=_OCTETS, params=query)
        )
        if response is None:
            return
        acknowledged = int(response.json()["chunk_index"])
        wrong = call.acknowledge(acknowledged, content)
        if index is not None and acknowledged != index:
            wrong = f"{call.session}: chunk {index} was acknowledged as {acknowledged}"
        if wrong is not None:
            self._result.violated(wrong)

    async def _finalize(self, call: ScriptedSession, rng: random.Random) -> bool:
        headers = {"Prefer": "respond-async"} if rng.random() < 0.7 else {}
        path = f"/finalize/{call.session}"
        response = await self._retry("finalize", lambda: self._client.post(path, headers=headers))
        if response is not None and response.status_code == 200:
            call.result = response.json()["sha256"]
        call.finalized = response is not None
        return call.finalized

    async def _retry(self, what: str, request: Request) -> httpx.Response | None:
        """Send a request until it succeeds; notes a violation and returns None for a failure that is not retryable."""
        try:
            async with asyncio.timeout(self._plan.stall_timeout):
                while True:
                    response = await self._try(what, request)
                    if response is not None:
                        break
                    await asyncio.sleep(self._pauses.uniform(*_PAUSE))
        except TimeoutError:
            self._result.violated(f"{self._name}: no {what} was accepted for {self._plan.stall_timeout:.0f} s")
            return None
        if response.status_code in {200, 202}:
            return response
        self._result.violated(f"{self._name}: {what} failed with {response.status_code} {response.text[:200]}")
        return None

    async def _try(self, what: str, request: Request) -> httpx.Response | None:
        try:
            response = await request()
        except httpx.TransportError:
            self._result.responses[f"{what} broken off"] += 1
            return None
        self._result.responses[f"{what} {response.status_code}"] += 1
        return None if response.status_code in _RETRYABLE else response
