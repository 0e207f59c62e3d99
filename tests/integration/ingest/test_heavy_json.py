"""JSON that is built to stall a process is rejected by counting its members, before it is parsed."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from tests.integration.ingest.lead_client import LeadClient, assert_error, new_call
from tests.service_process import ServiceProcess

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}
MOST_GROWTH = 150 * MIB
HEAVY = 18 * 1000 * 1000


@pytest.mark.parametrize(("unit", "last"), [(b"[],", b"[]"), (b'{"a":0},', b"{}"), (b"1,", b"1")])
async def test_json_with_millions_of_values_is_rejected_without_building_them(
    ingest: ServiceProcess, unit: bytes, last: bytes
) -> None:
    heavy = b'{"action":"init","x":[' + unit * (HEAVY // len(unit)) + last + b"]}"
    async with httpx.AsyncClient(base_url=ingest.base_url, timeout=60) as client:
        before = most_memory(ingest.pid)
        rejected, *lives = await asyncio.gather(
            client.post("/api/leads/9/recordings", content=heavy, headers=JSON),
            *(client.get("/livez") for _ in range(3)),
        )
        assert_error(rejected, 400, "VALIDATION_ERROR")
        assert "too many members" in rejected.json()["error"]["message"]
        assert [live.status_code for live in lives] == [200] * 3
        assert most_memory(ingest.pid) - before < MOST_GROWTH


async def test_only_json_with_a_chunk_may_be_large(ingest: ServiceProcess) -> None:
    async with httpx.AsyncClient(base_url=ingest.base_url, timeout=60) as client:
        lead = LeadClient(client)
        for action in ("init", "finalize", "other"):
            assert_error(await lead.json(action, x="x" * 100_000), 413, "PAYLOAD_TOO_LARGE")
        upload_id = await lead.init(new_call())
        response = await lead.append(upload_id, 1, bytes(range(256)) * (16 * MIB // 256))
        assert (response.status_code, response.json()["data"]["total_size"]) == (202, 16 * MIB)


def most_memory(pid: int) -> int:
    """Return a process's peak memory in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", (Path("/proc") / str(pid) / "status").read_text())
    assert found is not None
    return int(found[1]) * 1024
