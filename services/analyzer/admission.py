"""How many one-shot analyses are taken on: a few at once, some that wait their turn, and no more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from shared.domain.errors import Unavailable

_UPLOADS_EACH = 4  # requests that may be here, arriving or waiting, for each one that is being analyzed


class Admission:
    """Lets `concurrency` analyses run at once; others wait for `wait` seconds, and four times as many are let in."""

    def __init__(self, *, concurrency: int, wait: float) -> None:
        self._turns = asyncio.Semaphore(concurrency)
        self._room = concurrency * _UPLOADS_EACH
        self._wait = wait

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Hold a place for one request and the memory that it fills; raises Unavailable when all are taken."""
        if self._room == 0:
            raise _busy()
        self._room -= 1
        try:
            yield
        finally:
            self._room += 1

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the turns, in the order of asking; raises Unavailable when none comes free in time."""
        try:
            async with asyncio.timeout(self._wait):
                await self._turns.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            yield
        finally:
            self._turns.release()


def _busy() -> Unavailable:
    return Unavailable("Too many recordings are being analyzed: send it again later.", code="busy")
