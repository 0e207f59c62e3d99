"""Memory that playing a long recording takes."""

import asyncio
import hashlib
import re
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from deploy.local.object_store import RcloneStore
from shared.storage.settings import StoreConfig
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.ingest.stored_recordings import append_recording, path_of, stored_recording
from tests.service_process import ServiceProcess
from tests.waiting import until

MIB = 1024 * 1024
SIZE = 300 * MIB
MOST_GROWTH = 60 * MIB
STALLED = 20


async def test_a_recording_of_300_mb_is_played_in_60_mb_also_to_stalled_clients(
    ingest: ServiceProcess, nats_url: str, store_config: StoreConfig, object_store: RcloneStore
) -> None:
    async with httpx.AsyncClient(base_url=ingest.base_url, timeout=60) as client:
        lead, long = LeadClient(client), new_call()
        small = await stored_recording(nats_url, store_config, lead.lead, new_call(), b"x" * 2 * MIB)
        await until(lambda: _plays(lead, small), within=30, what="the catalog to be reached")
        await _put_zeros(object_store, path_of(long), SIZE)
        await append_recording(nats_url, store_config, lead.lead, long, size=SIZE, sha256=hashlib.sha256().hexdigest())
        await until(lambda: _plays(lead, long, Range="bytes=-1"), what="the store to see the file")
        before = _memory(ingest.pid, "VmHWM")
        async with AsyncExitStack() as stalled:
            for _ in range(STALLED):
                await stalled.enter_async_context(_stalled_reader(ingest, f"{lead.path}/{long}"))
            got = 0
            async with client.stream("GET", f"{lead.path}/{long}") as played:
                async for piece in played.aiter_raw():
                    got += len(piece)
            assert got == SIZE
            assert _memory(ingest.pid, "VmHWM") - before < MOST_GROWTH
        assert (await lead.play(long, Range="bytes=0-1")).content == bytes(2)


async def _plays(lead: LeadClient, call: str, **headers: str) -> bool:
    return (await lead.play(call, **headers)).status_code in {200, 206}


async def _put_zeros(store: RcloneStore, key: str, size: int) -> None:
    """Write a long object into the store's folder, without sending it."""
    with (store.bucket_folder / key).open("wb") as file:
        await asyncio.to_thread(file.truncate, size)


class _stalled_reader:  # noqa: N801  # used as a context
    """Requests a whole recording, and reads only the head."""

    def __init__(self, process: ServiceProcess, path: str) -> None:
        self._address = urlsplit(process.base_url)
        self._path = path
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> None:
        reader, self._writer = await asyncio.open_connection(self._address.hostname, self._address.port, limit=4096)
        self._writer.write(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()


def _memory(pid: int, name: str) -> int:
    """Return a process's memory in bytes: `VmRSS` now, `VmHWM` its peak."""
    match = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024
