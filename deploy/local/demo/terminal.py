"""The demonstration's output: one line for each occurrence, and progress bars."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import NoReturn

from tqdm import tqdm


class Terminal:
    """Writes lines above a running progress bar, each with the seconds since the start."""

    def __init__(self) -> None:
        self._start = monotonic()

    def line(self, what: str, text: str) -> None:
        """Write one line for an occurrence."""
        tqdm.write(f"{monotonic() - self._start:7.2f} s  {what:10} {text}")
        sys.stdout.flush()  # keeps the order with other output, also through a pipe

    def event(self, text: str) -> None:
        """Write an event as it came over the WebSocket."""
        self.line("event", text)

    def bar(self, size: int) -> "tqdm[NoReturn]":
        """Return a progress bar over `size` bytes; it is drawn only on a terminal."""
        return tqdm(total=size, unit="B", unit_scale=True, disable=None, leave=False, desc="sending")

    @asynccontextmanager
    async def clock(self, what: str) -> AsyncIterator[None]:
        """Show the seconds elapsed during the block, for work of unknown length."""
        clock: tqdm[NoReturn] = tqdm(bar_format=f"{what}: {{elapsed}}", disable=None, leave=False)
        with clock:
            ticking = asyncio.create_task(_tick(clock), name="clock")
            try:
                yield
            finally:
                ticking.cancel()


async def _tick(clock: "tqdm[NoReturn]") -> None:
    while True:
        clock.refresh()
        await asyncio.sleep(0.5)
