"""Waiting for something to become true: asked again and again, never slept for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_ASK_EVERY = 0.02


@overload
async def until(condition: Callable[[], Awaitable[T]], *, within: float = 30.0, what: str = "") -> T: ...
@overload
async def until(condition: Callable[[], T], *, within: float = 30.0, what: str = "") -> T: ...
async def until(condition: Callable[[], object], *, within: float = 30.0, what: str = "") -> object:
    """Return the first true thing that `condition` (plain or async) says; fails the test after `within` seconds."""
    seen: object = None
    try:
        async with asyncio.timeout(within):
            while True:
                answer = condition()
                seen = await answer if isinstance(answer, Awaitable) else answer
                if seen:
                    return seen
                await asyncio.sleep(_ASK_EVERY)
    except TimeoutError:
        raise AssertionError(f"not within {within} s: {what or condition}; last seen: {seen!r}") from None
