"""Bodies below the lowest rate get 408 on every route, although they never pause for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings

IDLE = 0.5
RATE = 2000
FORM = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="call.aac"\r\n\r\n'
BODIES = [
    ("/upload_chunk/slow", "application/octet-stream", b"chunk"),
    ("/upload_chunk/slow", "multipart/form-data; boundary=x", FORM % b"audio_chunk"),
    ("/upload/init", "application/json", b'{"x":"'),
    ("/upload/chunk", "multipart/form-data; boundary=x", FORM % b"chunk"),
    ("/api/leads/7/recordings", "application/json", b'{"x":"'),
    ("/api/leads/7/recordings", "multipart/form-data; boundary=x", FORM % b"file"),
    ("/api/v1/documents/", "application/json", b'{"x":"'),
]


@pytest.fixture
async def pipeline(tmp_path: Path, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path, "nats://127.0.0.1:1", store_config, body_idle_seconds=IDLE, min_body_rate=RATE)
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.mark.parametrize(("path", "content_type", "begin"), BODIES)
async def test_a_body_below_the_lowest_rate_gets_408(
    pipeline: Pipeline, path: str, content_type: str, begin: bytes
) -> None:
    response, _ = await send_slowly(pipeline, path, content_type, begin, piece=b"x", pause=IDLE / 10, size=10_000)
    assert response.startswith(b"HTTP/1.1 408")
    assert pipeline.leftovers() == []


async def test_a_body_at_twice_the_lowest_rate_is_read_to_its_end(pipeline: Pipeline) -> None:
    response, seconds = await send_slowly(
        pipeline,
        "/upload_chunk/steady",
        "application/octet-stream",
        b"",
        piece=bytes(RATE // 5),
        pause=0.1,
        size=2 * RATE,
    )
    assert response.startswith(b"HTTP/1.1 200")
    assert seconds > IDLE


async def send_slowly(
    pipeline: Pipeline, path: str, content_type: str, begin: bytes, *, piece: bytes, pause: float, size: int
) -> tuple[bytes, float]:
    """Send `begin`, then `piece` after each pause, until `size` bytes are sent or a response comes; time it all."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(pipeline.client.base_url.host, pipeline.client.base_url.port)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n\r\n"
    started = loop.time()
    writer.write(head.encode() + begin)
    response, left = asyncio.create_task(reader.read(65_536)), size - len(begin)
    try:
        while left > 0 and not response.done():
            await asyncio.wait([response], timeout=pause)
            writer.write(piece[:left])
            left -= len(piece)
        return await asyncio.wait_for(response, 30), loop.time() - started
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
