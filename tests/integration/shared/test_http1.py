"""Malformed, incomplete and overlong requests, and bodies that go on after the response, on raw connections."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.runtime.protocols.http1 import BoundedHttpProtocol
from tests.integration.shared.raw_connection import GET, MIB, POST, connect_raw, error_response, server, serving_app
from tests.tokens import token_settings

LARGE = 16 * MIB


class ShortHeadTimeout(BoundedHttpProtocol):
    """The protocol with a shorter deadline for heads."""

    head_seconds = 0.4


class ShortDrainTimeout(BoundedHttpProtocol):
    """The protocol with shorter deadlines for draining and idle connections."""

    drain_seconds = 0.4

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.timeout_keep_alive = 1


async def test_a_connection_without_a_byte_is_closed_without_a_response(tmp_path: Path) -> None:
    async with server(tmp_path, ShortHeadTimeout) as base, connect_raw(base) as connection:
        assert await connection.closes()


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"])
async def test_a_head_that_arrives_line_by_line_gets_408_at_its_deadline(tmp_path: Path, before: bytes) -> None:
    async with server(tmp_path, ShortHeadTimeout) as base, connect_raw(base) as connection:
        if before:
            await connection.send(before)
            assert (await connection.response())[0] == 200
        response = asyncio.create_task(connection.response())
        await connection.send(GET)
        while not response.done():
            await asyncio.wait([response], timeout=ShortHeadTimeout.head_seconds / 4)
            await connection.send(b"X-More: x\r\n")
        status, body = await response
        assert (status, body["status"]) == (408, "error")
        assert await connection.closes()


async def test_empty_lines_do_not_keep_a_connection_open(tmp_path: Path) -> None:
    async with server(tmp_path, ShortHeadTimeout) as base, connect_raw(base) as connection:
        await connection.send(GET + b"\r\n")
        assert (await connection.response())[0] == 200
        closed = asyncio.create_task(connection.closes())
        with suppress(ConnectionError):
            while not closed.done():
                await asyncio.wait([closed], timeout=ShortHeadTimeout.head_seconds / 4)
                await connection.send(b"\r\n")
        assert await closed


async def test_the_head_deadline_does_not_end_a_body_or_a_connection_with_two_requests(tmp_path: Path) -> None:
    async with server(tmp_path, ShortHeadTimeout, body_idle_seconds=1.0) as base, connect_raw(base) as connection:
        for _ in range(2):
            await connection.send(POST + b"Content-Length: 3\r\n\r\nab")
            with suppress(TimeoutError):
                await asyncio.wait_for(connection.reader.read(1), ShortHeadTimeout.head_seconds * 2)
            await connection.send(b"c")
            assert (await connection.response())[0] == 200


@pytest.mark.parametrize("more", [b"Content-Length: 99999999999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
@pytest.mark.parametrize("anonymous", [True, False])
async def test_an_endless_body_is_cut_off_after_its_error_response(
    tmp_path: Path,
    more: bytes,
    anonymous: bool,  # noqa: FBT001
) -> None:
    settings: dict[str, object] = {} if anonymous else dict(token_settings())
    piece = MIB.to_bytes(4).hex().lstrip("0").encode() + b"\r\n" + bytes(MIB) + b"\r\n"
    sent = 0
    async with server(tmp_path, BoundedHttpProtocol, **settings) as base, connect_raw(base) as connection:
        await connection.send(POST + more)
        with suppress(ConnectionError):
            while sent < 1000:
                await connection.send(piece)
                sent += 1
    assert sent < 100


async def test_a_slow_body_is_cut_off_at_the_drain_deadline_after_its_error_response(tmp_path: Path) -> None:
    async with server(tmp_path, ShortDrainTimeout) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Content-Length: 99999999999\r\n\r\n")
        assert (await connection.response())[0] == 413
        closed = asyncio.create_task(connection.closes())
        with suppress(ConnectionError):
            while not closed.done():
                await asyncio.wait([closed], timeout=ShortDrainTimeout.drain_seconds / 4)
                await connection.send(b"x")
        assert await closed


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_a_client_that_sends_its_whole_chunk_before_reading_gets_the_error_response(
    tmp_path: Path, close: bytes
) -> None:
    async with server(tmp_path, max_chunk_size=LARGE - 1) as base, connect_raw(base) as connection:
        await connection.send(POST + close + f"Content-Length: {LARGE}\r\n\r\n".encode())
        for _ in range(LARGE // MIB):
            await connection.send(bytes(MIB))
        assert (await connection.response())[0] == 413
        if close:
            assert await connection.closes()
        else:
            await connection.send(GET + b"\r\n")
            assert (await connection.response())[0] == 200


async def test_the_keep_alive_timeout_starts_at_the_end_of_a_drained_body(tmp_path: Path) -> None:
    async with server(tmp_path, ShortDrainTimeout, max_chunk_size=10) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Content-Length: 1000\r\n\r\n" + bytes(10))
        assert (await connection.response())[0] == 413
        await connection.send(bytes(990))
        assert await connection.closes()


@pytest.mark.parametrize(
    "codings", [b"gzip, chunked", b"gzip,chunked", b"identity, chunked", b"gzip\r\nTransfer-Encoding: chunked"]
)
async def test_a_transfer_coding_other_than_chunked_gets_501(tmp_path: Path, codings: bytes) -> None:
    async with server(tmp_path) as base:
        status, message = await error_response(
            base, POST + b"Transfer-Encoding: " + codings + b"\r\n\r\n1\r\nx\r\n0\r\n\r\n"
        )
    assert status == 501
    assert "chunked" in message


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked"])
async def test_a_chunked_body_is_accepted(tmp_path: Path, coding: bytes) -> None:
    async with server(tmp_path) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n1\r\nx\r\n0\r\n\r\n")
        assert (await connection.response())[0] == 200


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
async def test_a_malformed_request_gets_400_in_json(tmp_path: Path, request_: bytes) -> None:
    async with server(tmp_path) as base:
        status, message = await error_response(base, request_)
    assert status == 400
    assert message
    assert list(tmp_path.glob("default/*/*")) == []


async def test_http_1_0_needs_no_host_header(tmp_path: Path) -> None:
    async with server(tmp_path) as base, connect_raw(base) as connection:
        await connection.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert (await connection.response())[0] == 200


@pytest.mark.parametrize(
    "endless", [b"0\r\nX-Trailer: " + bytes(b"x" * 1000), b"1;" + b"x" * 1000], ids=["trailer", "chunk extension"]
)
async def test_trailers_and_chunk_extensions_have_the_size_limit_of_a_head(tmp_path: Path, endless: bytes) -> None:
    sent = 0
    async with server(tmp_path) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" + endless)
        response = asyncio.create_task(connection.response())
        while not response.done() and sent < 10_000:
            await connection.send(b"x" * 1000)
            await asyncio.wait([response], timeout=0.001)
            sent += 1
        assert (await response)[0] == 431
        assert await connection.closes()


async def test_the_drain_deadline_ends_with_the_drained_body_and_not_within_the_next_request(tmp_path: Path) -> None:
    async with server(tmp_path, ShortDrainTimeout, max_chunk_size=10) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Content-Length: 1000\r\n\r\n" + bytes(10))
        assert (await connection.response())[0] == 413
        await connection.send(bytes(990) + POST + b"Content-Length: 3\r\n\r\nab")
        with suppress(TimeoutError):
            await asyncio.wait_for(
                connection.reader.read(1), ShortDrainTimeout.drain_seconds * 3
            )  # longer than keep-alive, too
        await connection.send(b"c")
        assert (await connection.response())[0] == 200


async def test_a_malformed_request_in_one_read_with_the_end_of_a_drained_body_gets_400(tmp_path: Path) -> None:
    async with server(tmp_path, max_chunk_size=10) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Content-Length: 1000\r\n\r\n" + bytes(10))
        assert (await connection.response())[0] == 413
        await connection.send(bytes(990) + b"rubbish\r\n\r\n")
        assert (await connection.response())[0] == 400
        assert await connection.closes()


async def test_a_request_behind_the_last_response_s_body_gets_no_response(tmp_path: Path) -> None:
    async with server(tmp_path, max_chunk_size=10) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Connection: close\r\nContent-Length: 1000\r\n\r\n" + bytes(10))
        assert (await connection.response())[0] == 413
        await connection.send(bytes(990) + GET + b"\r\n")
        assert await connection.closes()


async def test_a_malformed_rest_of_a_drained_body_closes_the_connection_without_a_second_response(
    tmp_path: Path,
) -> None:
    async with server(tmp_path, max_chunk_size=10) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n14\r\n" + bytes(20))
        assert (await connection.response())[0] == 413
        await connection.send(b"\r\nnot a size\r\n")
        assert await connection.closes()


@pytest.mark.parametrize("rejected", [True, False])
async def test_a_drained_connection_is_closed_before_its_deadline_once_the_client_has_sent_everything(
    tmp_path: Path,
    rejected: bool,  # noqa: FBT001
) -> None:
    lost = asyncio.Event()

    class ObservedProtocol(BoundedHttpProtocol):
        drain_seconds = 60.0

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.cycle is None or not self.cycle.keep_alive:
                lost.set()

    async with server(tmp_path, ObservedProtocol, max_chunk_size=10) as base, connect_raw(base) as connection:
        if rejected:
            await connection.send(b"rubbish\r\n\r\n")
        else:
            await connection.send(POST + b"Connection: close\r\nContent-Length: 1000\r\n\r\n" + bytes(10))
        assert (await connection.response())[0] == (400 if rejected else 413)
        assert not lost.is_set()
        if rejected:
            connection.writer.write_eof()
        else:
            await connection.send(bytes(990))
        async with asyncio.timeout(20):
            await lost.wait()


async def test_an_application_that_fails_after_its_response_keeps_its_connection() -> None:
    failed = asyncio.Event()

    async def fail() -> None:
        failed.set()
        raise RuntimeError

    async def respond(_request: Request) -> Response:
        return JSONResponse({}, background=BackgroundTask(fail))

    async with serving_app(Starlette(routes=[Route("/livez", respond)])) as base, connect_raw(base) as connection:
        for _ in range(2):
            failed.clear()
            await connection.send(GET + b"\r\n")
            assert (await connection.response())[0] == 200
            await failed.wait()
