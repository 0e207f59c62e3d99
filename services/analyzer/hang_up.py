"""Work that is worth doing only while somebody waits for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

WorkT = TypeVar("WorkT")


async def while_connected(request: Request, work: Coroutine[Any, Any, WorkT]) -> WorkT:
    """Return what `work` does, or cancel it and raise ClientDisconnect when the client hangs up first.

    The request's body must have been read to its end: what comes after that is the hang-up alone.
    """
    working = asyncio.create_task(work)
    listening = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        listening.cancel()
        await asyncio.gather(working, listening, return_exceptions=True)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
