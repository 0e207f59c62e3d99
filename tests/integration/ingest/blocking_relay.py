"""A way to an engine that is shut the moment a certain thing is about to be said to it."""

import asyncio

from tests.relay import Ends, Relay, copy, first_of


class BlockingRelay(Relay):
    """Passes bytes on to a port of this machine, until `marker` comes from a client: that and what follows is held.

    So whoever is killed then is killed just before that step. `open()` lets everyone through for good.
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
                await asyncio.Event().wait()  # whoever waits for this is killed before it is answered
            ends.there.write(piece)
            await ends.there.drain()
