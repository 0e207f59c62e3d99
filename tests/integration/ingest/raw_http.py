"""Sends requests that no client library sends."""

import asyncio

from tests.integration.pipeline import Pipeline


async def raw_exchange(
    pipeline: Pipeline, headers: str, session: str, body: bytes = b"", *, path: str = "/upload_chunk/"
) -> bytes:
    """Send a request over a plain connection; returns what was received by the first read."""
    host, port = pipeline.client.base_url.host, pipeline.client.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST {path}{session} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    writer.write(f"{head}{headers}\r\n".encode() + body)
    try:
        return await asyncio.wait_for(reader.read(65_536), 10)
    finally:
        writer.close()
