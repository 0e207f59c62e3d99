"""What the demonstration shows: a line an occurrence, below each other, and a bar for what takes a while."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import NoReturn

from tqdm import tqdm


class Terminal:
    """Writes lines that a running progress bar does not garble, each with the seconds since the beginning."""

    def __init__(self) -> None:
        self._start = monotonic()

    def line(self, what: str, text: str) -> None:
        """Write one occurrence."""
        tqdm.write(f"{monotonic() - self._start:7.2f} s  {what:10} {text}")
        sys.stdout.flush()  # in its place among what else is written, also through a pipe

    def event(self, text: str) -> None:
        """Write an event as it came over the WebSocket."""
        self.line("event", text)

    def bar(self, size: int) -> "tqdm[NoReturn]":
        """Return a progress bar over `size` bytes; none is drawn where nobody watches."""
        return tqdm(total=size, unit="B", unit_scale=True, disable=None, leave=False, desc="sending")

    @asynccontextmanager
    async def clock(self, what: str) -> AsyncIterator[None]:
        """Show how long something has been taking whose end nobody knows."""
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
