"""A way to an engine on which a test can stand: connections are taken on a port of its own and passed on."""

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Ends:
    """Both halves of a connection: `client` and the way `back`, the target's `answers` and the way `there`."""

    client: asyncio.StreamReader
    back: asyncio.StreamWriter
    answers: asyncio.StreamReader
    there: asyncio.StreamWriter


class Relay(ABC):
    """Passes connections on to `target`, a port of this machine, in the way that a subclass has."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[Any]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None, "not entered"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

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

    @abstractmethod
    async def pass_on(self, ends: Ends) -> None:
        """Serve one connection; both of its halves are closed behind it."""

    async def _accept(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        there: asyncio.StreamWriter | None = None
        try:
            answers, there = await asyncio.open_connection("127.0.0.1", self._target)
            await self.pass_on(Ends(client, back, answers, there))
        except (OSError, asyncio.CancelledError):
            _reset(back)
        finally:
            self._passing.discard(task)
            for end in (back, there):
                if end is not None:
                    end.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST rather than FIN, as a machine that crashed does."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, until no more does."""
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


async def first_of(*work: Coroutine[None, None, None]) -> None:
    """Run until one of these ends, and end the others; raises what it raised."""
    tasks = [asyncio.create_task(item) for item in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
