"""A disk that takes no more: 507 in every family, nothing left behind, what was acknowledged before intact."""

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
    """Sends a chunk under an index in one family; `session` is where it goes."""

    def __init__(self, client: httpx.AsyncClient, family: str) -> None:
        self._client = client
        self._family = family
        self._lead = LeadClient(client)
        self.session = "call"

    async def open(self) -> None:
        if self._family == "indexed":
            body = {"main_service_file_id": 1, "original_file_name": "a.mp3"}
            answer = await self._client.post("/upload/init", json=body)
            self.session = answer.json()["data"]["upload_session_id"]
        elif self._family != "raw":
            self.session = await self._lead.init(new_call())

    async def send(self, index: int, content: bytes) -> int:
        match self._family:
            case "raw":
                path = f"/upload_chunk/call?chunk_index={index}"
                answer = await self._client.post(path, content=content, headers=OCTETS)
            case "indexed":
                fields = {"upload_session_id": self.session, "chunk_index": str(index)}
                answer = await self._client.post("/upload/chunk", data=fields, files={"chunk": content})
            case "lead's form":
                answer = await self._lead.append_form(self.session, index, content)
            case _:
                answer = await self._lead.append(self.session, index, content)
        if answer.status_code == 507:
            assert answer.headers["retry-after"]
        return answer.status_code


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


@pytest.mark.parametrize("family", ["raw", "indexed", "lead's form", "lead's JSON"])
async def test_a_file_that_may_not_grow_is_answered_507_and_earlier_chunks_are_intact(
    tmp_path: Path, family: str
) -> None:
    async with ingest(tmp_path, tmp_path / "spool") as (process, http):
        client, spool = Client(http, family), Spool(tmp_path / "spool")
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
    """A disk of 8 MiB of its own, where this machine lets us have one."""
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


async def test_a_full_disk_is_answered_507_and_takes_chunks_again_when_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    async with ingest(tmp_path, small_disk / "spool") as (_, http):
        client, spool = Client(http, "raw"), Spool(small_disk / "spool")
        sent = {index: os.urandom(MIB) for index in range(12)}
        answers = [await client.send(index, content) for index, content in sent.items()]
        assert set(answers) == {200, 507}
        assert list(spool.temporaries.iterdir()) == []
        directory = spool.session(SessionKey("default", "call"))
        stored = [index for index, status in zip(sent, answers, strict=True) if status == 200]
        assert sorted(directory.chunk_sizes()) == stored
        assert all(directory.chunk(index).read_bytes() == sent[index] for index in stored)
        directory.chunk(stored[0]).unlink()
        assert (await http.post("/upload_chunk/other", content=bytes(MIB // 2), headers=OCTETS)).status_code == 200
