"""Uploads over a limit are rejected by their headers, in each API group's format, and accepted again with room."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.audio_files import tone
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.ingest.raw_http import raw_exchange
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.waiting import until

NOWHERE = "nats://127.0.0.1:1"
MIB = 1024 * 1024
FORM = "multipart/form-data; boundary=x"
WAYS = [
    ("/upload_chunk/call", "application/octet-stream", {"status", "message", "code", "session_id"}),
    ("/upload_chunk/call", FORM, {"status", "message", "code", "session_id"}),
    ("/upload/chunk", FORM, {"status", "message", "code", "data"}),
    ("/api/leads/7/recordings", FORM, {"error"}),
    ("/api/leads/7/recordings", "application/json", {"error"}),
]


@asynccontextmanager
async def open_request(
    pipeline: Pipeline, path: str, content_type: str, size: int | None
) -> AsyncIterator[asyncio.StreamReader]:
    """Send a request's head without its body, and leave the connection open; `size` None for chunked."""
    reader, writer = await asyncio.open_connection(pipeline.client.base_url.host, pipeline.client.base_url.port)
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{length}\r\n"
        "Expect: 100-continue\r\n\r\n".encode()
    )
    try:
        yield reader
    finally:
        writer.transport.abort()


async def read_error(reader: asyncio.StreamReader) -> tuple[bytes, set[str], str]:
    """Return a response's status line, the members of its body, and its head."""
    async with asyncio.timeout(20):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.split("content-length: ")[1].split("\r\n")[0])
        return head.split("\r\n")[0].encode(), set(json.loads(await reader.readexactly(size))), head


async def wait_until_accepted(reader: asyncio.StreamReader) -> None:
    """Wait for 100 Continue."""
    async with asyncio.timeout(20):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


async def send_unbounded(pipeline: Pipeline, path: str, limit: int) -> tuple[bytes, int]:
    """Send up to `limit` bytes of unknown length until a response comes; returns it, and how many bytes were sent."""
    reader, writer = await asyncio.open_connection(pipeline.client.base_url.host, pipeline.client.base_url.port)
    head = "Host: localhost\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked"
    writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
    response, sent = asyncio.create_task(reader.read(65_536)), 0
    try:
        while sent < limit and not response.done():
            writer.write(f"{MIB:x}\r\n".encode() + bytes(MIB) + b"\r\n")
            sent += MIB
            with suppress(ConnectionError):
                await writer.drain()
        return await asyncio.wait_for(response, 30), sent
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(("path", "content_type", "members"), WAYS)
async def test_an_upload_over_the_limit_gets_503_before_its_body(
    tmp_path: Path, store_config: StoreConfig, path: str, content_type: str, members: set[str]
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, max_uploads_at_once=1)
    async with ingest_running(settings) as pipeline:
        async with open_request(pipeline, "/upload_chunk/first", "application/octet-stream", 1000) as first:
            await wait_until_accepted(first)
            async with open_request(pipeline, path, content_type, 1000) as second:
                status, body, head = await read_error(second)
            assert status == b"http/1.1 503 service unavailable"
            assert body == members
            assert "retry-after: " in head

        async def accepted() -> bool:
            return (await pipeline.send("call", b"again")).status_code == 200

        await until(accepted, what="the disconnected upload to be released")


@pytest.mark.parametrize(("path", "content_type", "members"), WAYS)
async def test_an_announced_body_that_does_not_fit_on_the_disk_gets_507_before_it_is_sent(
    tmp_path: Path, store_config: StoreConfig, path: str, content_type: str, members: set[str]
) -> None:
    limits = {"max_chunk_size": 2**50, "max_session_size": 2**50}
    async with ingest_running(ingest_settings(tmp_path, NOWHERE, store_config, **limits)) as pipeline:
        if content_type != "application/json":  # bounded by the memory budget instead
            async with open_request(pipeline, path, content_type, 2**49) as reader:
                status, body, _ = await read_error(reader)
            assert (status[:12], body) == (b"http/1.1 507", members)
        assert (await pipeline.send("call", b"small")).status_code == 200


async def test_a_body_of_unknown_length_is_rejected_at_the_disks_reserve(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    disk = os.statvfs(tmp_path)
    left = 256 * MIB
    percent = 100 * (disk.f_bavail * disk.f_frsize - left) / (disk.f_blocks * disk.f_frsize)
    settings = ingest_settings(tmp_path, NOWHERE, store_config, max_chunk_size=4 * left, min_free_disk=percent)
    async with ingest_running(settings) as pipeline:
        assert (await pipeline.send("call", b"before")).status_code == 200
        response, sent = await send_unbounded(pipeline, "/upload_chunk/call", limit=3 * left)
        assert response.startswith(b"HTTP/1.1 507")
        assert sent > left // 4
        assert pipeline.leftovers() == []
        assert pipeline.directory("call").chunk(0).read_bytes() == b"before"
        assert (await pipeline.send("call", b"after")).json()["total_chunks"] == 2


@pytest.mark.parametrize(("path", "content_type", "members"), WAYS)
async def test_a_tenant_over_its_quota_gets_429_before_its_body(
    tmp_path: Path, store_config: StoreConfig, path: str, content_type: str, members: set[str]
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, tenant_quota_bytes=10_000)
    async with ingest_running(settings) as pipeline:
        assert (await pipeline.send("earlier", bytes(9_500))).status_code == 200
        async with open_request(pipeline, path, content_type, 1000) as reader:
            if content_type == "application/json":  # read first; its chunk is rejected then
                await wait_until_accepted(reader)
                return
            status, body, head = await read_error(reader)
        assert (status[:12], body) == (b"http/1.1 429", members)
        assert "retry-after: " in head


async def test_a_quota_holds_for_every_api_group_and_for_bodies_of_unknown_length(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    async with ingest_running(ingest_settings(tmp_path, NOWHERE, store_config, tenant_quota_bytes=50_000)) as pipeline:
        uploader, lead = Uploader(pipeline), LeadClient(pipeline.client)
        upload, recording = await uploader.opened(), await lead.init(new_call())
        assert (await uploader.chunk(upload, 0, bytes(20_000))).status_code == 200
        assert (await lead.append(recording, 2, bytes(20_000))).status_code == 202
        assert (await uploader.chunk(upload, 1, bytes(20_000))).status_code == 429
        assert (await lead.append(recording, 1, bytes(20_000))).status_code == 429
        assert (await lead.append_form(recording, 1, bytes(20_000))).status_code == 429

        async def unannounced() -> AsyncIterator[bytes]:
            yield bytes(20_000)

        headers = {"Content-Type": "application/octet-stream"}
        response = await pipeline.client.post("/upload_chunk/call", content=unannounced(), headers=headers)
        assert (response.status_code, response.json()["code"]) == (429, "over_quota")
        assert (await pipeline.send("call", bytes(60_000))).status_code == 413
        assert pipeline.leftovers() == []


async def test_a_quota_is_free_again_once_the_recording_is_in_the_bucket(
    tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig
) -> None:
    store = ascending_store_config
    settings = ingest_settings(tmp_path, nats_url, store, tenant_quota_bytes=40_000)
    async with ingest_running(settings) as pipeline, assembler_running(assembler_settings(tmp_path, nats_url, store)):
        assert (await pipeline.send("quota-first", tone(1))).status_code == 200
        assert (await pipeline.send("quota-second", tone(1))).status_code == 429
        assert (await pipeline.finalize("quota-first")).status_code == 200

        async def accepted() -> bool:
            return (await pipeline.send("quota-second", tone(1), chunk_index=0)).status_code == 200

        await until(accepted)


async def test_a_quota_counts_chunks_from_before_a_restart_and_of_another_replica(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, tenant_quota_bytes=10_000)
    async with ingest_running(settings) as pipeline:
        assert (await pipeline.send("call", bytes(6_000))).status_code == 200
    async with ingest_running(settings) as one, ingest_running(settings) as other:
        assert (await one.send("call", bytes(6_000))).status_code == 429
        assert (await one.send("call", bytes(3_000))).status_code == 200
        assert (await other.send("call", bytes(3_000))).status_code == 429


async def test_a_nearly_full_disk_shows_before_the_body_and_in_readiness(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, min_free_disk=99.99)
    async with ingest_running(settings) as pipeline:
        for expect in ("", "Expect: 100-continue\r\n"):
            response = await raw_exchange(pipeline, f"Content-Length: 10\r\n{expect}", "full")
            assert response.startswith(b"HTTP/1.1 507")
        assert (await pipeline.client.get("/readyz")).status_code == 503
        assert (await pipeline.client.get("/livez")).status_code == 200
