"""Raw TCP connections to a real ingest server."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from services.ingest.app import create_service
from services.ingest.settings import IngestSettings
from shared.observability.metrics import Metrics
from shared.runtime.protocols.http1 import BoundedHttpProtocol, http1_protocol_factory
from tests.serving import serving

MIB = 1024 * 1024
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /upload_chunk/c HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"


@dataclass(frozen=True, slots=True)
class RawConnection:
    """One connection; bytes are sent and read as they are."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> tuple[int, dict[str, object]]:
        """Return the next response's status and JSON."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            assert "content-type: application/json" in head
            return int(head.split()[1]), json.loads(await self.reader.readexactly(size))

    async def closes(self) -> bool:
        """Wait until the server closes; returns whether it sent nothing more."""
        with suppress(ConnectionResetError):
            async with asyncio.timeout(20):
                return await self.reader.read() == b""
        return True


@asynccontextmanager
async def server(
    spool: Path, http: type[BoundedHttpProtocol] = BoundedHttpProtocol, **more: object
) -> AsyncIterator[str]:
    settings = IngestSettings.model_validate({"local_temp_chunk_path": spool, "nats_url": "nats://127.0.0.1:1"} | more)
    async with serving(create_service(settings, Metrics()), settings, http) as base:
        yield base


@asynccontextmanager
async def serving_app(app: Starlette) -> AsyncIterator[str]:
    """Serve an application with the protocol of our services on a free port; yields its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))  # its backlog holds connections until the server runs
    connections = http1_protocol_factory()
    server = uvicorn.Server(
        uvicorn.Config(app, http=connections, log_config=None, lifespan="off")  # type: ignore[arg-type]  # as ours is
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


@asynccontextmanager
async def connect_raw(base: str) -> AsyncIterator[RawConnection]:
    address = urlsplit(base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def error_response(base: str, request: bytes) -> tuple[int, str]:
    """Send a request; returns the status and message of its JSON error response, the last on the connection."""
    async with connect_raw(base) as connection:
        await connection.send(request)
        status, body = await connection.response()
        assert await connection.closes()
    assert body["status"] == "error"
    return status, str(body["message"])
