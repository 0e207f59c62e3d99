"""Requests that wish for another protocol, and requests behind each other; by hand, against a real server."""

from pathlib import Path

import pytest

from tests.integration.shared.raw_connection import GET, MIB, POST, connect_raw, refused, server

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
    async with server(tmp_path) as base, connect_raw(base) as wire:
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
    async with server(tmp_path) as base, connect_raw(base) as wire:
        hidden = b"DELETE /sessions/other HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await wire.send(POST + UPGRADES[0] + b"Content-Length: %d\r\n\r\n" % len(hidden))
        await wire.send(hidden + GET + b"\r\n")
        assert (await wire.answer())[1]["status"] == "success"
        assert (await wire.answer())[1]["status"] == "healthy"


async def test_chunked_bodies_behind_such_a_wish_are_taken_too(tmp_path: Path) -> None:
    async with server(tmp_path) as base, connect_raw(base) as wire:
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
    async with server(tmp_path) as base, connect_raw(base) as wire:
        await wire.send(WEBSOCKET + b"Content-Length: 3\r\n\r\nabc")
        assert (await wire.answer())[0] == 404


async def test_an_opening_handshake_behind_a_request_ends_the_connection(tmp_path: Path) -> None:
    async with server(tmp_path) as base, connect_raw(base) as wire:
        await wire.send(POST + b"Content-Length: 3\r\n\r\nabc" + WEBSOCKET + b"\r\n")
        assert await wire.ends()


async def test_requests_behind_each_other_are_answered_up_to_a_bound(tmp_path: Path) -> None:
    async with server(tmp_path) as base:
        async with connect_raw(base) as wire:
            await wire.send((GET + b"\r\n") * 100)
            for _ in range(100):
                assert (await wire.answer())[0] == 200
        async with connect_raw(base) as wire:
            await wire.send((GET + b"\r\n") * 1_000)
            assert await wire.ends()
