"""Follows calls until they are analyzed, as their clients see it."""

import asyncio
from contextlib import suppress

import httpx

from tests.chaos.result import RunResult
from tests.chaos.sender import SentSessions

_POLL_SECONDS = 0.1


async def follow(client: httpx.AsyncClient, sent: SentSessions, result: RunResult) -> None:
    """Remove analyzed calls from those awaited, oldest first, until cancelled; a failed one is a violation."""
    while True:
        state = await _state(client, sent.awaited[0].session) if sent.awaited else None
        if state == "failed":
            result.violated(f"{sent.awaited[0].session} failed")
        if state in {"analyzed", "failed"}:
            sent.awaited.popleft()
        else:
            await asyncio.sleep(_POLL_SECONDS)


async def _state(client: httpx.AsyncClient, session: str) -> str | None:
    with suppress(httpx.TransportError):
        response = await client.get(f"/sessions/{session}")
        if response.status_code == 200:
            return str(response.json()["state"])
    return None
