"""A success response comes after fsync(file) < final name < fsync(directory), as ingest's system calls show.

They are recorded with strace where it is installed, and always by wrappers inside the ingest process.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from tests.environment import clean_environment
from tests.integration.ingest.order.strace import can_strace, read_strace, strace_command
from tests.integration.ingest.order.system_calls import SystemCall, faults_of, promises
from tests.processes import children_of
from tests.waiting import until

OCTETS = {"Content-Type": "application/octet-stream"}
SESSIONS = ("order-a", "order-b")
CHUNKS = 24
SIZES = (1, 900, 40_000, 1_200_000)


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder: the command that runs ingest under it, whether ingest is its child, and the reader of its record."""

    command: Callable[[Path], Sequence[str]]
    wraps: bool
    read: Callable[[Path], list[SystemCall]]


def _read_own(record: Path) -> list[SystemCall]:
    calls = [SystemCall(**json.loads(line)) for line in record.read_text().splitlines()]
    return sorted(calls, key=lambda call: call.begin)


IN_PROCESS = Recorder(
    lambda record: [sys.executable, "-m", "tests.integration.ingest.order.recorded_ingest", str(record)],
    wraps=False,
    read=_read_own,
)
STRACE = Recorder(
    lambda record: [*strace_command(record), sys.executable, "-m", "services.ingest"], wraps=True, read=read_strace
)
RECORDERS = {"in-process": IN_PROCESS, **({"strace": STRACE} if can_strace() else {})}


@asynccontextmanager
async def ingest(recorder: Recorder, record: Path, spool: Path, **settings: str) -> AsyncIterator[str]:
    """Run ingest under a recorder, without a bus; yields its base URL. Ingest may end before the block does."""
    port = free_ports(1)[0]
    own = {"PORT": str(port), "NATS_URL": "nats://127.0.0.1:1", "LOCAL_TEMP_CHUNK_PATH": str(spool), **settings}
    process = await asyncio.create_subprocess_exec(
        *recorder.command(record), env={**clean_environment(os.environ), **own}, stderr=asyncio.subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=base) as client:
            await until(lambda: _is_up(client), within=60, what="ingest to be up")
        yield base
    finally:
        for pid in children_of(process.pid) if recorder.wraps else {process.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(30):
            await process.wait()


async def _is_up(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/livez")).status_code == 200
    except httpx.TransportError:
        return False


async def upload_much_at_once(base: str) -> None:
    hands = asyncio.Semaphore(8)

    async def one(client: httpx.AsyncClient, session: str, index: int) -> None:
        async with hands:
            content = os.urandom(SIZES[index % len(SIZES)])
            url = f"/upload_chunk/{session}?chunk_index={index}"
            for _ in range(2 if index % 5 == 0 else 1):
                response = await client.post(url, content=content, headers=OCTETS)
                assert response.status_code == 200, response.text

    async with httpx.AsyncClient(base_url=base, timeout=60) as client:
        async with asyncio.TaskGroup() as sending:
            for index in range(CHUNKS):
                for session in SESSIONS:
                    sending.create_task(one(client, session, index))
        for session in SESSIONS:
            assert (await client.post(f"/finalize/{session}")).status_code == 202


@pytest.mark.parametrize("recorder", RECORDERS.values(), ids=RECORDERS.keys())
async def test_every_acknowledged_chunk_and_manifest_was_durable_before_its_response(
    tmp_path: Path, recorder: Recorder
) -> None:
    spool = tmp_path / "spool"
    async with ingest(recorder, tmp_path / "record", spool) as base:
        await upload_much_at_once(base)
    calls = recorder.read(tmp_path / "record")
    promised = list(promises(calls))

    names = {f"{index:07d}.chunk" for index in range(CHUNKS)} | {"manifest.json"}
    assert {(each.session, each.name) for each in promised} == {
        (session, name) for session in SESSIONS for name in names
    }
    assert [fault for each in promised for fault in faults_of(calls, each, f"{spool}/default/{each.session}")] == []


async def test_a_manifest_whose_writer_was_killed_before_its_name_was_synced_is_synced_before_the_next_response(
    tmp_path: Path,
) -> None:
    spool = tmp_path / "spool"
    dying = ingest(IN_PROCESS, tmp_path / "before", spool, FAILPOINTS="spool.named=kill")
    async with dying as base, httpx.AsyncClient(base_url=base) as client:
        await client.post("/upload_chunk/call", content=b"chunk", headers=OCTETS)
        with pytest.raises(httpx.TransportError):
            await client.post("/finalize/call")
    assert (spool / "default/call/manifest.json").exists()
    async with ingest(IN_PROCESS, tmp_path / "after", spool) as base, httpx.AsyncClient(base_url=base) as client:
        assert (await client.post("/finalize/call")).status_code == 202
    calls = IN_PROCESS.read(tmp_path / "after")
    promise = next(promises(calls))
    folder = str(spool / "default/call")
    assert any(call.kind == "sync" and call.path == folder and call.end < promise.begin for call in calls)


RIGHT = [
    SystemCall("directory", 0, 1, path="/s/t/call"),
    SystemCall("sync", 2, 3, path="/s/t"),
    SystemCall("sync", 4, 5, path="/s/.temporary/x"),
    SystemCall("name", 6, 7, path="/s/t/call/0000003.chunk", source="/s/.temporary/x"),
    SystemCall("sync", 8, 9, path="/s/t/call"),
    SystemCall("send", 10, 11, text='HTTP/1.1 200 OK\r\n\r\n{"session_id":"call",', fd=5),
    SystemCall("send", 12, 13, text='"chunk_index":3}', fd=5),
]


def faults(calls: Sequence[SystemCall]) -> list[str]:
    return [fault for each in promises(calls) for fault in faults_of(calls, each, "/s/t/call")]


def moved(place: int, begin: int, end: int) -> list[SystemCall]:
    calls = list(RIGHT)
    calls[place] = replace(calls[place], begin=begin, end=end)
    return calls


def test_the_right_order_passes_the_check() -> None:
    assert faults(RIGHT) == []


@pytest.mark.parametrize(
    ("calls", "fault"),
    [
        (RIGHT[:3] + RIGHT[4:], "never named"),
        (RIGHT[:2] + RIGHT[3:], "bytes"),
        (moved(2, 4, 8), "bytes"),
        (RIGHT[:4] + RIGHT[5:], "the name"),
        (moved(4, 8, 11), "the name"),
        (moved(4, 5, 9), "the name"),
        (RIGHT[:1] + RIGHT[2:], "the folder call"),
        ([SystemCall("directory", -2, -1, path="/s/t"), *RIGHT], "the folder t"),
    ],
)
def test_a_missing_or_late_sync_fails_the_check(calls: Sequence[SystemCall], fault: str) -> None:
    found = faults(calls)
    assert len(found) == 1
    assert fault in found[0]
