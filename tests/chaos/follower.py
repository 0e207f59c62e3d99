"""Whether calls come to their end, as their clients see it."""

import asyncio
from contextlib import suppress

import httpx

from tests.chaos.result import RunResult
from tests.chaos.sender import SentSessions

_ASK_EVERY = 0.1


async def follow(client: httpx.AsyncClient, traffic: SentSessions, tally: RunResult) -> None:
    """Strike off calls that were analyzed, oldest first, until cancelled; one that failed is a violation."""
    while True:
        state = await _state(client, traffic.awaited[0].session) if traffic.awaited else None
        if state == "failed":
            tally.violated(f"{traffic.awaited[0].session} failed")
        if state in {"analyzed", "failed"}:
            traffic.awaited.popleft()
        else:
            await asyncio.sleep(_ASK_EVERY)


async def _state(client: httpx.AsyncClient, session: str) -> str | None:
    with suppress(httpx.TransportError):
        answer = await client.get(f"/sessions/{session}")
        if answer.status_code == 200:
            return str(answer.json()["state"])
    return None
