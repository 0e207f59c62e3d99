"""Bodies on many connections at once: each arrives complete, and no pool share is held unused."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.local.ports import free_ports
from shared.runtime.protocols.body_buffer import BodyFlowControl, BodyMemoryPool
from tests.integration.shared.raw_connection import serving_app
from tests.service_process import ServiceProcess

KIB = 1024
MIB = 1024 * KIB
LARGE = 4 * MIB
MANY = 64  # four times as many connections as the pool has shares


class HoldingApp:
    """An application that responds with a body's hash, or holds a request at a certain point."""

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
        """Wait until `count` requests are held."""
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
            yield b"started"
            await self.released.wait()

        return StreamingResponse(pieces())

    async def _early(self, request: Request) -> Response:
        await anext(aiter(request.stream()))
        return PlainTextResponse("enough")


@pytest.fixture
async def holding() -> HoldingApp:
    return HoldingApp()


@pytest.fixture
async def base(holding: HoldingApp) -> AsyncIterator[str]:
    async with serving_app(holding.app) as base:
        yield base
        holding.released.set()


async def check_hash(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/hash", content=body)
    assert response.text == hashlib.sha256(body).hexdigest()


def http_client(base: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base, timeout=60, limits=httpx.Limits(max_connections=2 * MANY))


async def abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def start_body(stack: AsyncExitStack, base: str, path: str, *, declared: int, sent: int) -> asyncio.StreamWriter:
    """Open a connection and send the beginning of a body."""
    address = urlsplit(base)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    stack.push_async_callback(abort, writer)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {declared}\r\n\r\n".encode())
    writer.write(bytes(sent))
    return writer


async def test_many_large_bodies_at_once_arrive_complete(base: str) -> None:
    async with http_client(base) as client:
        await asyncio.gather(*(check_hash(client, os.urandom(MIB + number)) for number in range(MANY)))


@pytest.mark.parametrize(
    "size", [0, 1, 32 * KIB - 1, 32 * KIB, 40 * KIB + 1, 256 * KIB, 264 * KIB, 272 * KIB, MIB, MIB + 1, LARGE]
)
async def test_a_body_of_any_size_arrives_complete(base: str, size: int) -> None:
    async with http_client(base) as client:
        await check_hash(client, os.urandom(size))


async def test_pipelined_bodies_arrive_complete(base: str) -> None:
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
async def test_an_application_that_does_not_read_on_holds_no_pool_share(
    base: str, holding: HoldingApp, point: str
) -> None:
    async with AsyncExitStack() as stack, http_client(base) as client:
        for _ in range(MANY):
            await start_body(stack, base, f"/hold/{point}", declared=LARGE, sent=LARGE)
        async with asyncio.timeout(60):
            await holding.until_held(MANY)
            await check_hash(client, os.urandom(MIB // 4))


async def test_a_disconnect_in_a_body_releases_its_pool_share(base: str) -> None:
    for _ in range(MANY):
        async with AsyncExitStack() as stack:
            writer = await start_body(stack, base, "/hash", declared=LARGE, sent=MIB)
            await writer.drain()
    async with http_client(base) as client, asyncio.timeout(20):
        await asyncio.gather(*(check_hash(client, os.urandom(MIB)) for number in range(MANY)))


async def test_a_client_that_gets_its_response_early_can_send_the_rest_of_its_body(base: str) -> None:
    async with http_client(base) as client, asyncio.timeout(20):
        responses = await asyncio.gather(*(client.post("/early", content=bytes(LARGE)) for _ in range(MANY)))
        assert {response.text for response in responses} == {"enough"}
        await check_hash(client, bytes(LARGE))


async def test_a_pipelined_body_holds_no_pool_share_before_its_request_runs(base: str) -> None:
    async with AsyncExitStack() as stack, http_client(base) as client:
        for _ in range(MANY):
            address = urlsplit(base)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            stack.push_async_callback(abort, writer)
            writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            writer.write(b"POST /hash HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000000\r\n\r\n" + bytes(MIB))
            await reader.readuntil(b"started")
        async with asyncio.timeout(10):  # without a pool share it would take a minute
            await check_hash(client, os.urandom(8 * MIB))


async def test_a_body_of_small_pieces_arrives_complete_and_does_not_hold_up_other_requests(tmp_path: Path) -> None:
    body = os.urandom(500_000)
    pieces = b"".join(b"2\r\n%b\r\n" % body[start : start + 2] for start in range(0, len(body), 2))
    head = b"POST /upload_chunk/pieces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    (port,) = free_ports(1)
    settings = {"PORT": str(port), "LOCAL_TEMP_CHUNK_PATH": str(tmp_path / "spool"), "NATS_URL": "nats://127.0.0.1:1"}
    async with AsyncExitStack() as stack:
        ingest = await stack.enter_async_context(ServiceProcess("ingest", tmp_path, settings))  # with its own loop
        client = await stack.enter_async_context(http_client(ingest.base_url))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stack.push_async_callback(abort, writer)
        writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n")
        response = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        others = 0
        async with asyncio.timeout(60):
            while not response.done():
                assert (await client.get("/livez")).is_success
                others += 1
        assert (await response).startswith(b"HTTP/1.1 200 ")
    (chunk,) = (tmp_path / "spool").rglob("*.chunk")
    assert chunk.read_bytes() == body
    assert others >= MANY // 2


async def test_a_cancelled_wait_for_a_pool_share_grants_the_next_in_the_queue() -> None:
    pool, loop = BodyMemoryPool(MIB), asyncio.get_running_loop()
    holder, large, small = (
        BodyFlowControl(asyncio.Transport(), loop, pool, connections=(), pipelined=()) for _ in range(3)
    )
    assert pool.acquire(holder, connections=2) == MIB // 2
    assert (pool.acquire(large, connections=1), pool.acquire(small, connections=4)) == (0, 0)
    pool.cancel(large)
    assert small.max_read_size == MIB // 4
    small.end()
    holder.end()
