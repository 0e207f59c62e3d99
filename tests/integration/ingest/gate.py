"""A way to an engine that is shut the moment a certain thing is about to be said to it."""

import asyncio
from types import TracebackType
from typing import Self


class Gate:
    """Passes bytes on to a port of this machine, until `marker` comes from a client: that and what follows is held.

    So whoever is killed then is killed just before that step. `open()` lets everyone through for good.
    """

    def __init__(self, port: int, marker: bytes) -> None:
        self.reached = asyncio.Event()
        self._port = port
        self._marker: bytes | None = marker
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None, "not entered"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def open(self) -> None:
        self._marker = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._port)
        for task in (
            asyncio.create_task(self._forth(reader, there[1])),
            asyncio.create_task(_pass(there[0], writer)),
        ):
            self._passing.add(task)

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = b""
        try:
            while piece := await reader.read(65536):
                seen = (seen + piece)[-len(piece) - 200 :]
                if self._marker is not None and self._marker in seen:
                    self.reached.set()
                    await asyncio.Event().wait()  # whoever waits for this is killed before it is answered
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
