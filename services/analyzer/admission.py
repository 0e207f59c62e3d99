"""Limits one-shot analyses: `concurrency` run at once, some wait for a slot, further ones get 503."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from shared.domain.errors import Unavailable

_REQUESTS_PER_SLOT = 4  # being received, waiting or being analyzed


class Admission:
    """Has `concurrency` slots for analyses, and four times as many places for requests.

    A request waits at most `wait` seconds for a slot.
    """

    def __init__(self, *, concurrency: int, wait: float) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._free_places = concurrency * _REQUESTS_PER_SLOT
        self._wait = wait

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Reserve a place for one request and the memory of its file; raises Unavailable when all are taken."""
        if self._free_places == 0:
            raise _busy()
        self._free_places -= 1
        try:
            yield
        finally:
            self._free_places += 1

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot for the length of the block, first come, first served; raises Unavailable if none comes free."""
        try:
            async with asyncio.timeout(self._wait):
                await self._slots.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            yield
        finally:
            self._slots.release()


def _busy() -> Unavailable:
    return Unavailable("Too many recordings are being analyzed: send it again later.", code="busy")
