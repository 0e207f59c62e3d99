"""An address that must not be asked: it remembers who came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Listener:
    """Where it listens, as `http://host:port`, and the first line of everyone who came."""

    address: str
    came: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Listen on a free port of this machine and answer nobody well."""
    came: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(b"")
        came[-1] = await reader.readline()
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield Listener(f"http://{host}:{port}", came)
