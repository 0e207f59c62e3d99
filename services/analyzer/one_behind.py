"""Work that goes on behind its caller, one step at a time: the next is prepared while the last is done."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self


class OneBehind:
    """Runs one coroutine at a time in a task.

    Whoever starts the next waits for the last, so at most one is running and one prepared: nothing piles up. Leaving
    the context with an error waits for the last one as well, and raises its error if it has one: as if each coroutine
    had been waited for where it was started. Only cancelling cancels it.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def start(self, work: Coroutine[None, None, None]) -> None:
        """Start a coroutine once the last one has ended; raises what that one raised, and then starts nothing."""
        try:
            await self.finish()
        except BaseException:
            work.close()
            raise
        self._task = asyncio.create_task(work)

    async def finish(self) -> None:
        """Wait for the last coroutine; raises what it raised."""
        task, self._task = self._task, None
        if task is not None:
            await task  # cancelling the caller cancels it

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last coroutine and raise what it raised; after a cancellation stop it first."""
        if error is None or isinstance(error, Exception):
            await self.finish()
        elif self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
