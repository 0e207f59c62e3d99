"""A relay to an engine that blocks as soon as a client sends a certain request."""

import asyncio

from tests.relay import Ends, Relay, copy, first_of


class BlockingRelay(Relay):
    """Relays bytes to a local port until a client sends `marker`; the marker and all that follows are held back.

    A process that is killed then is killed just before that step. `open()` stops blocking for good.
    """

    def __init__(self, target: int, marker: bytes) -> None:
        super().__init__(target)
        self.reached = asyncio.Event()
        self._marker: bytes | None = marker

    def open(self) -> None:
        self._marker = None

    async def pass_on(self, ends: Ends) -> None:
        await first_of(self._forth(ends), copy(ends.answers, ends.back))

    async def _forth(self, ends: Ends) -> None:
        seen = b""
        while piece := await ends.client.read(65536):
            seen = (seen + piece)[-len(piece) - 200 :]
            if self._marker is not None and self._marker in seen:
                self.reached.set()
                await asyncio.Event().wait()  # the client is killed before it gets a response
            ends.there.write(piece)
            await ends.there.drain()
