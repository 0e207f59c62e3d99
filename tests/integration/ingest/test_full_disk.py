"""On a full disk every API group gives 507, leaves no files behind, and keeps acknowledged chunks intact."""

import os
import resource
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from shared.domain.identifiers import SessionKey
from shared.storage.spool import Spool
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.service_process import ServiceProcess

MIB = 1024 * 1024
UNBOUNDED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
OCTETS = {"Content-Type": "application/octet-stream"}


class Client:
    """Client of one API group; sends chunks by index to `session`."""

    def __init__(self, client: httpx.AsyncClient, group: str) -> None:
        self._client = client
        self._group = group
        self._lead = LeadClient(client)
        self.session = "call"

    async def open(self) -> None:
        if self._group == "indexed":
            body = {"main_service_file_id": 1, "original_file_name": "a.mp3"}
            response = await self._client.post("/upload/init", json=body)
            self.session = response.json()["data"]["upload_session_id"]
        elif self._group != "raw":
            self.session = await self._lead.init(new_call())

    async def send(self, index: int, content: bytes) -> int:
        match self._group:
            case "raw":
                path = f"/upload_chunk/call?chunk_index={index}"
                response = await self._client.post(path, content=content, headers=OCTETS)
            case "indexed":
                fields = {"upload_session_id": self.session, "chunk_index": str(index)}
                response = await self._client.post("/upload/chunk", data=fields, files={"chunk": content})
            case "lead's form":
                response = await self._lead.append_form(self.session, index, content)
            case _:
                response = await self._lead.append(self.session, index, content)
        if response.status_code == 507:
            assert response.headers["retry-after"]
        return response.status_code


@asynccontextmanager
async def ingest(folder: Path, spool: Path) -> AsyncIterator[tuple[ServiceProcess, httpx.AsyncClient]]:
    settings = {
        "PORT": str(free_ports(1)[0]),
        "NATS_URL": "nats://127.0.0.1:1",
        "LOCAL_TEMP_CHUNK_PATH": str(spool),
        "MIN_FREE_DISK": "0",
        "MAX_CHUNK_SIZE": str(16 * MIB),
    }
    async with (
        ServiceProcess("ingest", folder, settings) as process,
        httpx.AsyncClient(base_url=process.base_url, timeout=60) as client,
    ):
        yield process, client


@pytest.mark.parametrize("group", ["raw", "indexed", "lead's form", "lead's JSON"])
async def test_a_write_over_the_file_size_limit_gets_507_and_earlier_chunks_are_intact(
    tmp_path: Path, group: str
) -> None:
    async with ingest(tmp_path, tmp_path / "spool") as (process, http):
        client, spool = Client(http, group), Spool(tmp_path / "spool")
        await client.open()
        earlier = os.urandom(MIB)
        assert await client.send(1, earlier) in {200, 202}
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2 * MIB, resource.RLIM_INFINITY))
        assert await client.send(2, bytes(5 * MIB)) == 507
        assert list(spool.temporaries.iterdir()) == []
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, UNBOUNDED)
        assert await client.send(2, bytes(5 * MIB)) in {200, 202}
        directory = spool.session(SessionKey("default", client.session))
        assert directory.chunk(1).read_bytes() == earlier
        assert directory.chunk_sizes() == {1: MIB, 2: 5 * MIB}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, if this machine allows to mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not Path("/bin/mount").exists():
        pytest.skip("no file system can be mounted here")
    made = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False, capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["/bin/umount", disk], check=True)


async def test_a_full_disk_gets_507_and_chunks_are_taken_again_when_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    async with ingest(tmp_path, small_disk / "spool") as (_, http):
        client, spool = Client(http, "raw"), Spool(small_disk / "spool")
        sent = {index: os.urandom(MIB) for index in range(12)}
        responses = [await client.send(index, content) for index, content in sent.items()]
        assert set(responses) == {200, 507}
        assert list(spool.temporaries.iterdir()) == []
        directory = spool.session(SessionKey("default", "call"))
        stored = [index for index, status in zip(sent, responses, strict=True) if status == 200]
        assert sorted(directory.chunk_sizes()) == stored
        assert all(directory.chunk(index).read_bytes() == sent[index] for index in stored)
        directory.chunk(stored[0]).unlink()
        assert (await http.post("/upload_chunk/other", content=bytes(MIB // 2), headers=OCTETS)).status_code == 200
