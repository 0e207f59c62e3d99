"""Waiting for something to become true: asked again and again, never slept for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_ASK_EVERY = 0.02
_LONGEST_PAUSE = 0.1  # between requests: what is waited for has better use for the processor


@overload
async def until(condition: Callable[[], Awaitable[T]], *, within: float = 15.0, what: str = "") -> T: ...
@overload
async def until(condition: Callable[[], T], *, within: float = 15.0, what: str = "") -> T: ...
async def until(condition: Callable[[], object], *, within: float = 15.0, what: str = "") -> object:
    """Return the first true thing that `condition` (plain or async) says; fails the test after `within` seconds.

    That is less than what the services themselves do every 20 or 30 seconds, which would hide that an event was missed.
    """
    seen: object = None
    pause = _ASK_EVERY
    try:
        async with asyncio.timeout(within):
            while True:
                answer = condition()
                if isinstance(answer, Awaitable):
                    seen = await answer
                    pause = min(pause * 1.5, _LONGEST_PAUSE)
                else:
                    seen = answer
                if seen:
                    return seen
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"not within {within} s: {what or condition}; last seen: {seen!r}") from None
