"""Waiting for something to become true: asked again and again, never slept for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_ASK_EVERY = 0.02


async def until(condition: Callable[[], T | Awaitable[T]], *, within: float = 10.0, what: str = "") -> T:
    """Return the first true thing that `condition` (plain or async) says; fails the test after `within` seconds."""
    seen: object = None
    try:
        async with asyncio.timeout(within):
            while True:
                answer = condition()
                value = await answer if isinstance(answer, Awaitable) else answer
                if value:
                    return value
                seen = value
                await asyncio.sleep(_ASK_EVERY)
    except TimeoutError:
        raise AssertionError(f"not within {within} s: {what or condition}; last seen: {seen!r}") from None
