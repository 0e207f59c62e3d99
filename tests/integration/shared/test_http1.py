"""Connections that begin badly, never get to a request, or go on after the answer; by hand, against a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.ingest.app import create_service
from services.ingest.settings import IngestSettings
from shared.http.http1 import HttpProtocol
from shared.metrics import Metrics
from tests.serving import serving
from tests.tokens import token_settings

MIB = 1024 * 1024
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /upload_chunk/c HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
LARGEST = 16 * MIB


class Hasty(HttpProtocol):
    """The same with less patience for heads."""

    head_seconds = 0.4


class Closing(HttpProtocol):
    """The same with less patience for what comes after an answer."""

    drain_seconds = 0.4

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.timeout_keep_alive = 1


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection, used by hand."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, object]]:
        """Return the next answer's status and JSON."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            assert "content-type: application/json" in head
            return int(head.split()[1]), json.loads(await self.reader.readexactly(size))

    async def ends(self) -> bool:
        """Wait until the server has closed; whether it had nothing more to say."""
        with suppress(ConnectionResetError):
            async with asyncio.timeout(20):
                return await self.reader.read() == b""
        return True


@asynccontextmanager
async def server(spool: Path, http: type[HttpProtocol] = HttpProtocol, **more: object) -> AsyncIterator[str]:
    settings = IngestSettings.model_validate({"local_temp_chunk_path": spool, "nats_url": "nats://127.0.0.1:1"} | more)
    async with serving(create_service(settings, Metrics()), settings, http) as base:
        yield base


@asynccontextmanager
async def wire_to(base: str) -> AsyncIterator[Wire]:
    address = urlsplit(base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def refused(base: str, request: bytes) -> tuple[int, str]:
    """Send a request that is answered in JSON and has no second one after it."""
    async with wire_to(base) as wire:
        await wire.send(request)
        status, body = await wire.answer()
        assert await wire.ends()
    assert body["status"] == "error"
    return status, str(body["message"])


async def test_a_connection_that_says_nothing_is_closed_without_a_word(tmp_path: Path) -> None:
    async with server(tmp_path, Hasty) as base, wire_to(base) as wire:
        assert await wire.ends()


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"])
async def test_a_head_that_comes_line_by_line_is_answered_408_in_time(tmp_path: Path, before: bytes) -> None:
    async with server(tmp_path, Hasty) as base, wire_to(base) as wire:
        if before:
            await wire.send(before)
            assert (await wire.answer())[0] == 200
        answer = asyncio.create_task(wire.answer())
        await wire.send(GET)
        while not answer.done():
            await asyncio.wait([answer], timeout=Hasty.head_seconds / 4)
            await wire.send(b"X-More: x\r\n")
        status, body = await answer
        assert (status, body["status"]) == (408, "error")
        assert await wire.ends()


async def test_empty_lines_keep_no_connection_open(tmp_path: Path) -> None:
    async with server(tmp_path, Hasty) as base, wire_to(base) as wire:
        await wire.send(GET + b"\r\n")
        assert (await wire.answer())[0] == 200
        ended = asyncio.create_task(wire.ends())
        with suppress(ConnectionError):
            while not ended.done():
                await asyncio.wait([ended], timeout=Hasty.head_seconds / 4)
                await wire.send(b"\r\n")
        assert await ended


async def test_requests_that_take_longer_than_a_head_may_are_answered_on_one_connection(tmp_path: Path) -> None:
    async with server(tmp_path, Hasty, body_idle_seconds=1.0) as base, wire_to(base) as wire:
        for _ in range(2):
            await wire.send(POST + b"Content-Length: 3\r\n\r\nab")
            with suppress(TimeoutError):
                await asyncio.wait_for(wire.reader.read(1), Hasty.head_seconds * 2)
            await wire.send(b"c")
            assert (await wire.answer())[0] == 200


@pytest.mark.parametrize("more", [b"Content-Length: 99999999999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
@pytest.mark.parametrize("anonymous", [True, False])
async def test_a_body_without_end_is_not_swallowed_after_its_refusal(
    tmp_path: Path,
    more: bytes,
    anonymous: bool,  # noqa: FBT001
) -> None:
    settings: dict[str, object] = {} if anonymous else dict(token_settings())
    piece = MIB.to_bytes(4).hex().lstrip("0").encode() + b"\r\n" + bytes(MIB) + b"\r\n"
    sent = 0
    async with server(tmp_path, HttpProtocol, **settings) as base, wire_to(base) as wire:
        await wire.send(POST + more)
        with suppress(ConnectionError):
            while sent < 1000:
                await wire.send(piece)
                sent += 1
    assert sent < 100


async def test_a_body_that_only_trickles_after_its_refusal_is_not_listened_to_for_long(tmp_path: Path) -> None:
    async with server(tmp_path, Closing) as base, wire_to(base) as wire:
        await wire.send(POST + b"Content-Length: 99999999999\r\n\r\n")
        assert (await wire.answer())[0] == 413
        ended = asyncio.create_task(wire.ends())
        with suppress(ConnectionError):
            while not ended.done():
                await asyncio.wait([ended], timeout=Closing.drain_seconds / 4)
                await wire.send(b"x")
        assert await ended


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_who_sends_all_of_a_chunk_before_reading_gets_its_refusal(tmp_path: Path, close: bytes) -> None:
    async with server(tmp_path, max_chunk_size=LARGEST - 1) as base, wire_to(base) as wire:
        await wire.send(POST + close + f"Content-Length: {LARGEST}\r\n\r\n".encode())
        for _ in range(LARGEST // MIB):
            await wire.send(bytes(MIB))
        assert (await wire.answer())[0] == 413
        if close:
            assert await wire.ends()
        else:
            await wire.send(GET + b"\r\n")
            assert (await wire.answer())[0] == 200


async def test_a_connection_is_idle_only_from_the_end_of_a_refused_body(tmp_path: Path) -> None:
    async with server(tmp_path, Closing, max_chunk_size=10) as base, wire_to(base) as wire:
        await wire.send(POST + b"Content-Length: 1000\r\n\r\n" + bytes(10))
        assert (await wire.answer())[0] == 413
        await wire.send(bytes(990))
        assert await wire.ends()


@pytest.mark.parametrize(
    "codings", [b"gzip, chunked", b"gzip,chunked", b"identity, chunked", b"gzip\r\nTransfer-Encoding: chunked"]
)
async def test_a_body_coded_for_its_transfer_is_refused(tmp_path: Path, codings: bytes) -> None:
    async with server(tmp_path) as base:
        status, message = await refused(base, POST + b"Transfer-Encoding: " + codings + b"\r\n\r\n1\r\nx\r\n0\r\n\r\n")
    assert status == 501
    assert "chunked" in message


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked"])
async def test_a_chunked_body_is_taken(tmp_path: Path, coding: bytes) -> None:
    async with server(tmp_path) as base, wire_to(base) as wire:
        await wire.send(POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n1\r\nx\r\n0\r\n\r\n")
        assert (await wire.answer())[0] == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"rubbish\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        GET + b"Bad Name: x\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nnot a size\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.0\r\nHost: localhost\r\nhost: localhost\r\n\r\n",
        b"GET /notify HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_400_in_json(tmp_path: Path, request_: bytes) -> None:
    async with server(tmp_path) as base:
        status, message = await refused(base, request_)
    assert status == 400
    assert message
    assert list(tmp_path.glob("default/*/*")) == []


async def test_http_1_0_needs_no_host(tmp_path: Path) -> None:
    async with server(tmp_path) as base, wire_to(base) as wire:
        await wire.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert (await wire.answer())[0] == 200


@pytest.mark.parametrize(
    "endless", [b"0\r\nX-Trailer: " + bytes(b"x" * 1000), b"1;" + b"x" * 1000], ids=["trailer", "chunk extension"]
)
async def test_what_stands_around_a_body_is_bounded_as_a_head_is(tmp_path: Path, endless: bytes) -> None:
    sent = 0
    async with server(tmp_path) as base, wire_to(base) as wire:
        await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" + endless)
        answer = asyncio.create_task(wire.answer())
        while not answer.done() and sent < 10_000:
            await wire.send(b"x" * 1000)
            await asyncio.wait([answer], timeout=0.001)
            sent += 1
        assert (await answer)[0] == 431
        assert await wire.ends()


UPGRADES = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n",
    b"Connection: keep-alive, upgrade\r\nUpgrade: something/2\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
]


@pytest.mark.parametrize("wish", UPGRADES)
@pytest.mark.parametrize("size", [5, 100_000, MIB])
@pytest.mark.parametrize("packets", [1, 2])
async def test_a_wish_for_another_protocol_is_ignored_and_the_body_taken(
    tmp_path: Path, wish: bytes, size: int, packets: int
) -> None:
    async with server(tmp_path) as base, wire_to(base) as wire:
        for _ in range(2):
            head, body = POST + wish + b"Content-Length: %d\r\n\r\n" % size, bytes(size)
            if packets == 1:
                await wire.send(head + body)
            else:
                await wire.send(head)
                await wire.send(body)
            status, answer = await wire.answer()
            assert (status, answer["status"]) == (200, "success")
    stored = [path.stat().st_size for path in tmp_path.rglob("*.chunk")]
    assert stored == [size, size]


async def test_a_body_behind_such_a_wish_is_never_read_as_a_request(tmp_path: Path) -> None:
    async with server(tmp_path) as base, wire_to(base) as wire:
        hidden = b"DELETE /sessions/other HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await wire.send(POST + UPGRADES[0] + b"Content-Length: %d\r\n\r\n" % len(hidden))
        await wire.send(hidden + GET + b"\r\n")
        assert (await wire.answer())[1]["status"] == "success"
        assert (await wire.answer())[1]["status"] == "healthy"


async def test_chunked_bodies_behind_such_a_wish_are_taken_too(tmp_path: Path) -> None:
    async with server(tmp_path) as base, wire_to(base) as wire:
        await wire.send(POST + UPGRADES[0] + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert (await wire.answer())[0] == 200
    assert [path.read_bytes() for path in tmp_path.rglob("*.chunk")] == [b"abc"]


async def test_a_tunnel_is_refused(tmp_path: Path) -> None:
    async with server(tmp_path) as base:
        assert (await refused(base, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n"))[0] == 400


WEBSOCKET = (
    b"GET /notify HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


@pytest.mark.parametrize("more", [b"X-Long: " + b"x" * 9_000 + b"\r\n", b"X-Many: x\r\n" * 200])
async def test_an_opening_handshake_that_is_too_long_is_refused(tmp_path: Path, more: bytes) -> None:
    async with server(tmp_path) as base:
        assert (await refused(base, WEBSOCKET + more + b"\r\n"))[0] == 431


async def test_an_opening_handshake_with_a_body_is_a_request_like_any_other(tmp_path: Path) -> None:
    async with server(tmp_path) as base, wire_to(base) as wire:
        await wire.send(WEBSOCKET + b"Content-Length: 3\r\n\r\nabc")
        assert (await wire.answer())[0] == 404


async def test_an_opening_handshake_behind_a_request_ends_the_connection(tmp_path: Path) -> None:
    async with server(tmp_path) as base, wire_to(base) as wire:
        await wire.send(POST + b"Content-Length: 3\r\n\r\nabc" + WEBSOCKET + b"\r\n")
        assert await wire.ends()


async def test_requests_behind_each_other_are_answered_up_to_a_bound(tmp_path: Path) -> None:
    async with server(tmp_path) as base:
        async with wire_to(base) as wire:
            await wire.send((GET + b"\r\n") * 100)
            for _ in range(100):
                assert (await wire.answer())[0] == 200
        async with wire_to(base) as wire:
            await wire.send((GET + b"\r\n") * 1_000)
            assert await wire.ends()
