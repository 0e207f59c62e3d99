"""Ingest is killed, or its disk is full: acknowledged chunks stay, and nothing else does."""

import asyncio
import hashlib
import os
import resource
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from shared.domain.identifiers import SessionKey
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool
from tests.service_process import ServiceProcess
from tests.waiting import until

OCTETS = {"Content-Type": "application/octet-stream"}
KEY = SessionKey("default", "call")


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    settings = {
        "PORT": str(free_ports(1)[0]),
        "NATS_URL": "nats://127.0.0.1:1",
        "S3_ENDPOINT_URL": "http://127.0.0.1:1",
        "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": "secret",
        "S3_BUCKET_NAME": "calls",
        "LOCAL_TEMP_CHUNK_PATH": str(tmp_path / "spool"),
        "SHUTDOWN_GRACE_SECONDS": "2",
    }
    async with ServiceProcess("ingest", tmp_path, settings) as process:
        yield process


@pytest.fixture
def call(tmp_path: Path) -> SessionDirectory:
    return Spool(tmp_path / "spool").session(KEY)


def temporaries(call: SessionDirectory) -> list[Path]:
    return list(Spool(call.path.parents[1]).temporaries.iterdir())


def written(ingest: ServiceProcess, call: SessionDirectory) -> int:
    """Return how many bytes of unfinished chunks a process has written."""
    folder = Spool(call.path.parents[1]).temporaries
    total = 0
    for descriptor in Path(f"/proc/{ingest.pid}/fd").iterdir():
        with suppress(OSError):
            if descriptor.readlink().is_relative_to(folder):
                total += descriptor.stat().st_size
    return total


async def test_killed_inside_a_chunk_it_keeps_acknowledged_chunks_and_no_partial_one(
    ingest: ServiceProcess, call: SessionDirectory
) -> None:
    async with httpx.AsyncClient(base_url=ingest.base_url) as client:
        await client.post("/upload_chunk/call", content=b"whole" * 1000, headers=OCTETS)
    url = httpx.URL(ingest.base_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = "POST /upload_chunk/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    writer.write(f"{head}Content-Length: 9000000\r\n\r\n".encode() + bytes(4_000_000))
    await until(lambda: written(ingest, call) > 1_000_000)

    await ingest.kill()
    writer.close()

    assert list(call.chunk_sizes()) == [0]
    assert call.chunk(0).read_bytes() == b"whole" * 1000
    assert temporaries(call) == []
    left = Spool(call.path.parents[1]).temporaries / "left"  # as on a filesystem where unfinished files have names
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    await ingest.start()
    await until(lambda: not left.exists(), what="the temporary file of the crash to be removed")
    async with httpx.AsyncClient(base_url=ingest.base_url) as client:
        response = await client.post("/upload_chunk/call", content=b"next", headers=OCTETS)
    assert response.json()["total_chunks"] == 2


async def test_killed_again_and_again_under_load_it_never_loses_an_acknowledged_chunk(
    ingest: ServiceProcess, call: SessionDirectory
) -> None:
    acknowledged: dict[int, str] = {}
    indices = iter(range(100_000))

    async def send_until_it_dies(client: httpx.AsyncClient) -> None:
        try:
            while True:
                index, content = next(indices), os.urandom(20_000)
                response = await client.post(f"/upload_chunk/call?chunk_index={index}", content=content, headers=OCTETS)
                assert response.status_code == 200, response.text
                acknowledged[index] = hashlib.sha256(content).hexdigest()
        except httpx.TransportError:
            return

    for enough in (30, 60, 90):
        async with httpx.AsyncClient(base_url=ingest.base_url) as client, asyncio.TaskGroup() as senders:
            for _ in range(8):
                senders.create_task(send_until_it_dies(client))
            await until(lambda enough=enough: len(acknowledged) > enough)  # type: ignore[misc]
            await ingest.kill()
        await ingest.start()
    for index, sha256 in acknowledged.items():
        assert hashlib.sha256(call.chunk(index).read_bytes()).hexdigest() == sha256


async def test_a_disk_without_room_gets_507_and_earlier_chunks_are_intact(
    ingest: ServiceProcess, call: SessionDirectory
) -> None:
    async with httpx.AsyncClient(base_url=ingest.base_url) as client:
        assert (await client.post("/upload_chunk/call", content=b"before", headers=OCTETS)).status_code == 200
        resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        response = await client.post("/upload_chunk/call", content=bytes(50_000), headers=OCTETS)
        assert response.status_code == 507
        assert response.headers["retry-after"]
        assert set(response.json()) == {"status", "message", "code", "session_id"}
        resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert temporaries(call) == []
        assert (await client.post("/upload_chunk/call", content=b"after", headers=OCTETS)).json()["total_chunks"] == 2
    assert call.chunk(0).read_bytes() == b"before"


async def test_it_stops_within_its_grace_period_while_an_upload_stalls(
    ingest: ServiceProcess, call: SessionDirectory
) -> None:
    url = httpx.URL(ingest.base_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = "POST /upload_chunk/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    writer.write(f"{head}Content-Length: 9000000\r\n\r\n".encode() + bytes(2_000_000))
    await until(lambda: written(ingest, call))
    async with asyncio.timeout(20):
        assert await ingest.stop() == 0, ingest.log()
    writer.close()
    assert temporaries(call) == []
