"""Bodies on many connections at once: each comes whole, and nobody's memory is held by who does not use it."""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.local.ports import free_ports
from shared.runtime.protocols.body_buffer import BodyFlowControl, BodyMemoryPool
from shared.runtime.protocols.http1 import http1_protocol_factory
from tests.service_process import ServiceProcess

KIB = 1024
MIB = 1024 * KIB
LARGE = 4 * MIB
MANY = 64  # four times as many as there is memory for at once


class HoldingApp:
    """An application that answers a body with its hash, or holds on to a request at a certain point."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.held = 0
        self._changed = asyncio.Condition()
        self.app = Starlette(
            routes=[
                Route("/hash", self._hash, methods=["POST"]),
                Route("/hold/{point}", self._hold, methods=["POST"]),
                Route("/early", self._early, methods=["POST"]),
                Route("/stream", self._stream),
            ]
        )

    async def until_held(self, count: int) -> None:
        """Wait until so many requests have come to where they are held."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.held >= count)

    async def _hash(self, request: Request) -> Response:
        seen = hashlib.sha256()
        async for piece in request.stream():
            seen.update(piece)
        return PlainTextResponse(seen.hexdigest())

    async def _hold(self, request: Request) -> Response:
        if request.path_params["point"] == "after-a-piece":
            await anext(aiter(request.stream()))
        async with self._changed:
            self.held += 1
            self._changed.notify_all()
        await self.released.wait()
        return PlainTextResponse("released")

    async def _stream(self, _request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            await self.released.wait()

        return StreamingResponse(pieces())

    async def _early(self, request: Request) -> Response:
        await anext(aiter(request.stream()))
        return PlainTextResponse("enough")


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """Serve an application with the protocol of our services on a free port; yields its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))  # its backlog holds who is quicker than the server
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


@pytest.fixture
async def holding() -> HoldingApp:
    return HoldingApp()


@pytest.fixture
async def base(holding: HoldingApp) -> AsyncIterator[str]:
    async with served(holding.app) as base:
        yield base
        holding.released.set()


async def hashed(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/hash", content=body)
    assert answer.text == hashlib.sha256(body).hexdigest()


def http_client(base: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base, timeout=60, limits=httpx.Limits(max_connections=2 * MANY))


async def aborted(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def begun(stack: AsyncExitStack, base: str, path: str, *, announced: int, sent: int) -> asyncio.StreamWriter:
    """Open a connection that sends the beginning of a body."""
    address = urlsplit(base)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    stack.push_async_callback(aborted, writer)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {announced}\r\n\r\n".encode())
    writer.write(bytes(sent))
    return writer


async def test_many_large_bodies_at_once_come_whole(base: str) -> None:
    async with http_client(base) as client:
        await asyncio.gather(*(hashed(client, os.urandom(MIB + number)) for number in range(MANY)))


@pytest.mark.parametrize(
    "size", [0, 1, 32 * KIB - 1, 32 * KIB, 40 * KIB + 1, 256 * KIB, 264 * KIB, 272 * KIB, MIB, MIB + 1, LARGE]
)
async def test_a_body_of_any_size_comes_whole(base: str, size: int) -> None:
    async with http_client(base) as client:
        await hashed(client, os.urandom(size))


async def test_bodies_that_come_behind_each_other_come_whole(base: str) -> None:
    bodies = [os.urandom(size) for size in (300 * KIB, 100 * KIB, 5, MIB)]
    address = urlsplit(base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = "POST /hash HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"
    writer.writelines(head.format(len(body)).encode() + body for body in bodies)
    for body in bodies:
        async with asyncio.timeout(20):
            await reader.readuntil(b"\r\n\r\n")
            assert (await reader.readexactly(64)).decode() == hashlib.sha256(body).hexdigest()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("point", ["at-once", "after-a-piece"])
async def test_who_does_not_go_on_holds_up_nobody(base: str, holding: HoldingApp, point: str) -> None:
    async with AsyncExitStack() as stack, http_client(base) as client:
        for _ in range(MANY):
            await begun(stack, base, f"/hold/{point}", announced=LARGE, sent=LARGE)
        async with asyncio.timeout(60):
            await holding.until_held(MANY)
            await hashed(client, os.urandom(MIB // 4))


async def test_who_goes_away_in_the_middle_leaves_no_memory_taken(base: str) -> None:
    for _ in range(MANY):
        async with AsyncExitStack() as stack:
            writer = await begun(stack, base, "/hash", announced=LARGE, sent=MIB)
            await writer.drain()
    async with http_client(base) as client, asyncio.timeout(20):
        await asyncio.gather(*(hashed(client, os.urandom(MIB)) for number in range(MANY)))


async def test_who_is_answered_early_is_heard_out(base: str) -> None:
    async with http_client(base) as client, asyncio.timeout(20):
        answers = await asyncio.gather(*(client.post("/early", content=bytes(LARGE)) for _ in range(MANY)))
        assert {answer.text for answer in answers} == {"enough"}
        await hashed(client, bytes(LARGE))


async def test_what_is_sent_behind_a_request_holds_nothing_before_its_turn(base: str) -> None:
    async with AsyncExitStack() as stack, http_client(base) as client:
        for _ in range(MANY):
            address = urlsplit(base)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            stack.push_async_callback(aborted, writer)
            writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            writer.write(b"POST /hash HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000000\r\n\r\n" + bytes(MIB))
            await reader.readuntil(b"begun")
        async with asyncio.timeout(10):  # in pieces without memory it would take a minute
            await hashed(client, os.urandom(8 * MIB))


async def test_a_body_in_crumbs_comes_whole_and_lets_others_have_their_turn(tmp_path: Path) -> None:
    body = os.urandom(500_000)
    crumbs = b"".join(b"2\r\n%b\r\n" % body[start : start + 2] for start in range(0, len(body), 2))
    head = b"POST /upload_chunk/crumbs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    (port,) = free_ports(1)
    settings = {"PORT": str(port), "LOCAL_TEMP_CHUNK_PATH": str(tmp_path / "spool"), "NATS_URL": "nats://127.0.0.1:1"}
    async with AsyncExitStack() as stack:
        ingest = await stack.enter_async_context(ServiceProcess("ingest", tmp_path, settings))  # with its own loop
        client = await stack.enter_async_context(http_client(ingest.base_url))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stack.push_async_callback(aborted, writer)
        writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n" + crumbs + b"0\r\n\r\n")
        answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        others = 0
        async with asyncio.timeout(60):
            while not answer.done():
                assert (await client.get("/livez")).is_success
                others += 1
        assert (await answer).startswith(b"HTTP/1.1 200 ")
    (chunk,) = (tmp_path / "spool").rglob("*.chunk")
    assert chunk.read_bytes() == body
    assert others >= MANY // 2


async def test_who_gives_up_lets_those_behind_have_what_is_free() -> None:
    memory, loop = BodyMemoryPool(MIB), asyncio.get_running_loop()
    holder, large, small = (
        BodyFlowControl(asyncio.Transport(), loop, memory, connections=(), pipelined=()) for _ in range(3)
    )
    assert memory.acquire(holder, connections=2) == MIB // 2
    assert (memory.acquire(large, connections=1), memory.acquire(small, connections=4)) == (0, 0)
    memory.cancel(large)
    assert small.max_read_size == MIB // 4
    small.end()
    holder.end()
