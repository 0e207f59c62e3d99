"""Connections that begin badly, never get to a request, or go on after the answer; by hand, against a real server."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from shared.runtime.protocols.http1 import BoundedHttpProtocol
from tests.integration.shared.raw_connection import GET, MIB, POST, connect_raw, refused, server
from tests.tokens import token_settings

LARGEST = 16 * MIB


class ShortHeadTimeout(BoundedHttpProtocol):
    """The same with less patience for heads."""

    head_seconds = 0.4


class ShortDrainTimeout(BoundedHttpProtocol):
    """The same with less patience for what comes after an answer."""

    drain_seconds = 0.4

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.timeout_keep_alive = 1


async def test_a_connection_that_says_nothing_is_closed_without_a_word(tmp_path: Path) -> None:
    async with server(tmp_path, ShortHeadTimeout) as base, connect_raw(base) as wire:
        assert await wire.ends()


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"])
async def test_a_head_that_comes_line_by_line_is_answered_408_in_time(tmp_path: Path, before: bytes) -> None:
    async with server(tmp_path, ShortHeadTimeout) as base, connect_raw(base) as wire:
        if before:
            await wire.send(before)
            assert (await wire.answer())[0] == 200
        answer = asyncio.create_task(wire.answer())
        await wire.send(GET)
        while not answer.done():
            await asyncio.wait([answer], timeout=ShortHeadTimeout.head_seconds / 4)
            await wire.send(b"X-More: x\r\n")
        status, body = await answer
        assert (status, body["status"]) == (408, "error")
        assert await wire.ends()


async def test_empty_lines_keep_no_connection_open(tmp_path: Path) -> None:
    async with server(tmp_path, ShortHeadTimeout) as base, connect_raw(base) as wire:
        await wire.send(GET + b"\r\n")
        assert (await wire.answer())[0] == 200
        ended = asyncio.create_task(wire.ends())
        with suppress(ConnectionError):
            while not ended.done():
                await asyncio.wait([ended], timeout=ShortHeadTimeout.head_seconds / 4)
                await wire.send(b"\r\n")
        assert await ended


async def test_requests_that_take_longer_than_a_head_may_are_answered_on_one_connection(tmp_path: Path) -> None:
    async with server(tmp_path, ShortHeadTimeout, body_idle_seconds=1.0) as base, connect_raw(base) as wire:
        for _ in range(2):
            await wire.send(POST + b"Content-Length: 3\r\n\r\nab")
            with suppress(TimeoutError):
                await asyncio.wait_for(wire.reader.read(1), ShortHeadTimeout.head_seconds * 2)
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
    async with server(tmp_path, BoundedHttpProtocol, **settings) as base, connect_raw(base) as wire:
        await wire.send(POST + more)
        with suppress(ConnectionError):
            while sent < 1000:
                await wire.send(piece)
                sent += 1
    assert sent < 100


async def test_a_body_that_only_trickles_after_its_refusal_is_not_listened_to_for_long(tmp_path: Path) -> None:
    async with server(tmp_path, ShortDrainTimeout) as base, connect_raw(base) as wire:
        await wire.send(POST + b"Content-Length: 99999999999\r\n\r\n")
        assert (await wire.answer())[0] == 413
        ended = asyncio.create_task(wire.ends())
        with suppress(ConnectionError):
            while not ended.done():
                await asyncio.wait([ended], timeout=ShortDrainTimeout.drain_seconds / 4)
                await wire.send(b"x")
        assert await ended


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_who_sends_all_of_a_chunk_before_reading_gets_its_refusal(tmp_path: Path, close: bytes) -> None:
    async with server(tmp_path, max_chunk_size=LARGEST - 1) as base, connect_raw(base) as wire:
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
    async with server(tmp_path, ShortDrainTimeout, max_chunk_size=10) as base, connect_raw(base) as wire:
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
    async with server(tmp_path) as base, connect_raw(base) as wire:
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
    async with server(tmp_path) as base, connect_raw(base) as wire:
        await wire.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert (await wire.answer())[0] == 200


@pytest.mark.parametrize(
    "endless", [b"0\r\nX-Trailer: " + bytes(b"x" * 1000), b"1;" + b"x" * 1000], ids=["trailer", "chunk extension"]
)
async def test_what_stands_around_a_body_is_bounded_as_a_head_is(tmp_path: Path, endless: bytes) -> None:
    sent = 0
    async with server(tmp_path) as base, connect_raw(base) as wire:
        await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" + endless)
        answer = asyncio.create_task(wire.answer())
        while not answer.done() and sent < 10_000:
            await wire.send(b"x" * 1000)
            await asyncio.wait([answer], timeout=0.001)
            sent += 1
        assert (await answer)[0] == 431
        assert await wire.ends()


async def test_the_drain_deadline_ends_with_the_drained_body_and_not_within_the_next_request(tmp_path: Path) -> None:
    async with server(tmp_path, ShortDrainTimeout, max_chunk_size=10) as base, connect_raw(base) as wire:
        await wire.send(POST + b"Content-Length: 1000\r\n\r\n" + bytes(10))
        assert (await wire.answer())[0] == 413
        await wire.send(bytes(990) + POST + b"Content-Length: 3\r\n\r\nab")
        with suppress(TimeoutError):
            await asyncio.wait_for(wire.reader.read(1), ShortDrainTimeout.drain_seconds * 2)
        await wire.send(b"c")
        assert (await wire.answer())[0] == 200


async def test_a_malformed_request_in_one_read_with_the_end_of_a_drained_body_gets_400(tmp_path: Path) -> None:
    async with server(tmp_path, max_chunk_size=10) as base, connect_raw(base) as wire:
        await wire.send(POST + b"Content-Length: 1000\r\n\r\n" + bytes(10))
        assert (await wire.answer())[0] == 413
        await wire.send(bytes(990) + b"rubbish\r\n\r\n")
        assert (await wire.answer())[0] == 400
        assert await wire.ends()


async def test_a_request_behind_the_last_response_s_body_gets_no_response(tmp_path: Path) -> None:
    async with server(tmp_path, max_chunk_size=10) as base, connect_raw(base) as wire:
        await wire.send(POST + b"Connection: close\r\nContent-Length: 1000\r\n\r\n" + bytes(10))
        assert (await wire.answer())[0] == 413
        await wire.send(bytes(990) + GET + b"\r\n")
        assert await wire.ends()
