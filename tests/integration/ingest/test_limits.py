"""Too much at once: refused from the headers alone, in each family's words, and welcome again when there is room."""

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
async def begun(
    pipeline: Pipeline, path: str, content_type: str, size: int | None
) -> AsyncIterator[asyncio.StreamReader]:
    """Send the head of a request whose body does not come, and leave the connection open; None for chunked."""
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


async def refused(reader: asyncio.StreamReader) -> tuple[bytes, set[str], str]:
    """Return an answer's status line, the members of its body, and its head."""
    async with asyncio.timeout(20):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.split("content-length: ")[1].split("\r\n")[0])
        return head.split("\r\n")[0].encode(), set(json.loads(await reader.readexactly(size))), head


async def let_in(reader: asyncio.StreamReader) -> None:
    """Wait until a request's body is asked for."""
    async with asyncio.timeout(20):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


async def poured(pipeline: Pipeline, path: str, most: int) -> tuple[bytes, int]:
    """Send a body of unknown length until an answer comes, `most` bytes of it; return that, and how many it took."""
    reader, writer = await asyncio.open_connection(pipeline.client.base_url.host, pipeline.client.base_url.port)
    head = "Host: localhost\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked"
    writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
    answer, sent = asyncio.create_task(reader.read(65_536)), 0
    try:
        while sent < most and not answer.done():
            writer.write(f"{MIB:x}\r\n".encode() + bytes(MIB) + b"\r\n")
            sent += MIB
            with suppress(ConnectionError):
                await writer.drain()
        return await asyncio.wait_for(answer, 30), sent
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(("path", "content_type", "members"), WAYS)
async def test_one_upload_too_many_is_answered_503_before_its_body(
    tmp_path: Path, store_config: StoreConfig, path: str, content_type: str, members: set[str]
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, max_uploads_at_once=1)
    async with ingest_running(settings) as pipeline:
        async with begun(pipeline, "/upload_chunk/first", "application/octet-stream", 1000) as first:
            await let_in(first)
            async with begun(pipeline, path, content_type, 1000) as second:
                status, body, head = await refused(second)
            assert status == b"http/1.1 503 service unavailable"
            assert body == members
            assert "retry-after: " in head

        async def welcome() -> bool:
            return (await pipeline.send("call", b"again")).status_code == 200

        await until(welcome, what="the place of the one that hung up to be free")


@pytest.mark.parametrize(("path", "content_type", "members"), WAYS)
async def test_an_announced_body_that_the_disk_has_no_room_for_is_answered_507_before_it_comes(
    tmp_path: Path, store_config: StoreConfig, path: str, content_type: str, members: set[str]
) -> None:
    limits = {"max_chunk_size": 2**50, "max_session_size": 2**50}
    async with ingest_running(ingest_settings(tmp_path, NOWHERE, store_config, **limits)) as pipeline:
        if content_type != "application/json":  # which is bounded by what fits into memory
            async with begun(pipeline, path, content_type, 2**49) as reader:
                status, body, _ = await refused(reader)
            assert (status[:12], body) == (b"http/1.1 507", members)
        assert (await pipeline.send("call", b"small")).status_code == 200


async def test_a_body_of_unknown_length_is_cut_off_where_the_disks_reserve_begins(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    disk = os.statvfs(tmp_path)
    left = 256 * MIB
    percent = 100 * (disk.f_bavail * disk.f_frsize - left) / (disk.f_blocks * disk.f_frsize)
    settings = ingest_settings(tmp_path, NOWHERE, store_config, max_chunk_size=4 * left, min_free_disk=percent)
    async with ingest_running(settings) as pipeline:
        assert (await pipeline.send("call", b"before")).status_code == 200
        answer, sent = await poured(pipeline, "/upload_chunk/call", most=3 * left)
        assert answer.startswith(b"HTTP/1.1 507")
        assert sent > left // 4
        assert pipeline.leftovers() == []
        assert pipeline.directory("call").chunk(0).read_bytes() == b"before"
        assert (await pipeline.send("call", b"after")).json()["total_chunks"] == 2


@pytest.mark.parametrize(("path", "content_type", "members"), WAYS)
async def test_a_tenant_over_its_quota_is_answered_429_before_its_body(
    tmp_path: Path, store_config: StoreConfig, path: str, content_type: str, members: set[str]
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, tenant_quota_bytes=10_000)
    async with ingest_running(settings) as pipeline:
        assert (await pipeline.send("earlier", bytes(9_500))).status_code == 200
        async with begun(pipeline, path, content_type, 1000) as reader:
            if content_type == "application/json":  # is read first, and its chunk refused then
                await let_in(reader)
                return
            status, body, head = await refused(reader)
        assert (status[:12], body) == (b"http/1.1 429", members)
        assert "retry-after: " in head


async def test_a_quota_holds_for_every_family_and_for_bodies_of_unknown_length(
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
        answer = await pipeline.client.post("/upload_chunk/call", content=unannounced(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (429, "over_quota")
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

        async def welcome() -> bool:
            return (await pipeline.send("quota-second", tone(1), chunk_index=0)).status_code == 200

        await until(welcome)


async def test_a_quota_counts_what_lay_there_before_a_restart_and_what_another_replica_stored(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, tenant_quota_bytes=10_000)
    async with ingest_running(settings) as pipeline:
        assert (await pipeline.send("call", bytes(6_000))).status_code == 200
    async with ingest_running(settings) as one, ingest_running(settings) as other:
        assert (await one.send("call", bytes(6_000))).status_code == 429
        assert (await one.send("call", bytes(3_000))).status_code == 200
        assert (await other.send("call", bytes(3_000))).status_code == 429


async def test_a_disk_that_is_nearly_full_is_told_before_the_body_and_by_readiness(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, min_free_disk=99.99)
    async with ingest_running(settings) as pipeline:
        for expect in ("", "Expect: 100-continue\r\n"):
            answer = await raw_exchange(pipeline, f"Content-Length: 10\r\n{expect}", "full")
            assert answer.startswith(b"HTTP/1.1 507")
        assert (await pipeline.client.get("/readyz")).status_code == 503
        assert (await pipeline.client.get("/livez")).status_code == 200
