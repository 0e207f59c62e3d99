"""A server that must not be called: it records every connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Listener:
    """The server's address, as `http://host:port`, and the first line of each connection."""

    address: str
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Listen on a free port of this machine; every connection is closed without a response."""
    requests: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(b"")
        requests[-1] = await reader.readline()
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield Listener(f"http://{host}:{port}", requests)
