"""Upgrade requests and pipelined requests, on raw connections."""

from pathlib import Path

import pytest

from tests.integration.shared.raw_connection import GET, MIB, POST, connect_raw, error_response, server

UPGRADES = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n",
    b"Connection: keep-alive, upgrade\r\nUpgrade: something/2\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
]


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("size", [5, 100_000, MIB])
@pytest.mark.parametrize("packets", [1, 2])
async def test_an_upgrade_to_another_protocol_is_ignored_and_the_body_accepted(
    tmp_path: Path, upgrade: bytes, size: int, packets: int
) -> None:
    async with server(tmp_path) as base, connect_raw(base) as connection:
        for _ in range(2):
            head, body = POST + upgrade + b"Content-Length: %d\r\n\r\n" % size, bytes(size)
            if packets == 1:
                await connection.send(head + body)
            else:
                await connection.send(head)
                await connection.send(body)
            status, result = await connection.response()
            assert (status, result["status"]) == (200, "success")
    stored = [path.stat().st_size for path in tmp_path.rglob("*.chunk")]
    assert stored == [size, size]


async def test_a_body_behind_an_ignored_upgrade_is_never_read_as_a_request(tmp_path: Path) -> None:
    async with server(tmp_path) as base, connect_raw(base) as connection:
        hidden = b"DELETE /sessions/other HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await connection.send(POST + UPGRADES[0] + b"Content-Length: %d\r\n\r\n" % len(hidden))
        await connection.send(hidden + GET + b"\r\n")
        assert (await connection.response())[1]["status"] == "success"
        assert (await connection.response())[1]["status"] == "healthy"


async def test_a_chunked_body_behind_an_ignored_upgrade_is_accepted(tmp_path: Path) -> None:
    async with server(tmp_path) as base, connect_raw(base) as connection:
        await connection.send(POST + UPGRADES[0] + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert (await connection.response())[0] == 200
    assert [path.read_bytes() for path in tmp_path.rglob("*.chunk")] == [b"abc"]


async def test_connect_gets_400(tmp_path: Path) -> None:
    async with server(tmp_path) as base:
        assert (await error_response(base, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n"))[0] == 400


WEBSOCKET = (
    b"GET /notify HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


@pytest.mark.parametrize("more", [b"X-Long: " + b"x" * 9_000 + b"\r\n", b"X-Many: x\r\n" * 200])
async def test_an_opening_handshake_over_the_size_limit_gets_431(tmp_path: Path, more: bytes) -> None:
    async with server(tmp_path) as base:
        assert (await error_response(base, WEBSOCKET + more + b"\r\n"))[0] == 431


async def test_an_opening_handshake_with_a_body_is_an_ordinary_request(tmp_path: Path) -> None:
    async with server(tmp_path) as base, connect_raw(base) as connection:
        await connection.send(WEBSOCKET + b"Content-Length: 3\r\n\r\nabc")
        assert (await connection.response())[0] == 404


async def test_a_pipelined_opening_handshake_closes_the_connection(tmp_path: Path) -> None:
    async with server(tmp_path) as base, connect_raw(base) as connection:
        await connection.send(POST + b"Content-Length: 3\r\n\r\nabc" + WEBSOCKET + b"\r\n")
        assert await connection.closes()


async def test_up_to_128_pipelined_requests_get_their_responses(tmp_path: Path) -> None:
    async with server(tmp_path) as base:
        async with connect_raw(base) as connection:
            await connection.send((GET + b"\r\n") * 100)
            for _ in range(100):
                assert (await connection.response())[0] == 200
        async with connect_raw(base) as connection:
            await connection.send((GET + b"\r\n") * 1_000)
            assert await connection.closes()
