"""A service on a real port inside the test's own loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn

from shared.runtime.protocols.http1 import BoundedHttpProtocol, http1_protocol_factory
from shared.runtime.server import server_config
from shared.runtime.service import Service
from shared.runtime.settings import ServiceSettings


@asynccontextmanager
async def serving(
    service: Service, settings: ServiceSettings, http: type[BoundedHttpProtocol] = BoundedHttpProtocol
) -> AsyncIterator[str]:
    """Serve `service` on a free port with the server that production uses; yields its base URL.

    `http` may have shorter deadlines.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    config = server_config(service.app, settings)
    config.http = http1_protocol_factory(http)  # type: ignore[assignment]  # it only calls it
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=base) as client:
            await client.get("/livez", timeout=10)  # the listener's backlog holds it until the lifespan is open
        yield base
    finally:
        server.should_exit = True
        await running
        listener.close()
