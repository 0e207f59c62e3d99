"""What listeners receive when the notifier is stopped, and that it stops in time whatever they do."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import connect

from deploy.local.ports import free_ports
from shared.messaging.bus import Bus
from tests.integration.notifier.serving import close_code_of, frame_of, small_buffer_socket
from tests.program import Program, start_program
from tests.unit.notifier.samples import analysis, happened
from tests.waiting import until

GRACE = 20.0  # seconds; far more than anything here takes, even where much else runs


class Process:
    """`python -m services.notifier`, as an operator starts it."""

    def __init__(self, child: Program, port: int) -> None:
        self.child = child
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"ws://127.0.0.1:{port}/notify"
        self.output = b""

    async def ready(self) -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"{self.base}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

    async def stop(self) -> None:
        """Send SIGTERM and wait until the process is gone; fails when that takes longer than the grace period."""
        self.child.send_signal(signal.SIGTERM)
        self.output, _ = await asyncio.wait_for(self.child.communicate(), GRACE)


@asynccontextmanager
async def started(nats_url: str) -> AsyncIterator[Process]:
    port = free_ports(1)[0]
    env = {
        **os.environ,
        "NATS_URL": nats_url,
        "PORT": str(port),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "debug",
        "NOTIFY_MAX_BUFFERED": "262144",
        "SHUTDOWN_GRACE_SECONDS": f"{GRACE:.0f}",
    }
    child = await start_program("services.notifier", environment=env, piped=True)
    process = Process(child, port)
    try:
        await until(process.ready, within=60, what="the notifier is ready")
        yield process
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


@pytest.fixture
async def process(nats_url: str) -> AsyncIterator[Process]:
    async with started(nats_url) as running:
        yield running


async def test_at_sigterm_clients_are_sent_retry_after_and_closed_with_1001(process: Process) -> None:
    async with connect(process.url, proxy=None) as one, connect(process.url, proxy=None) as two:
        for client in (one, two):
            assert (await frame_of(client))["event"] == "hello"
        stopping = asyncio.create_task(process.stop())
        for client in (one, two):
            farewell = await frame_of(client)
            assert farewell["event"] == "retry_after"
            assert farewell["retry_after"] > 0
            assert await close_code_of(client) == (1001, "going_away")
        await asyncio.wait_for(stopping, GRACE - 1)  # nobody is left to wait for


async def test_a_client_that_never_reads_does_not_outlast_the_grace_period(
    process: Process, bus: Bus, session: str
) -> None:
    async with connect(process.url, proxy=None, sock=small_buffer_socket(process.url), max_queue=1) as idle:
        for number in range(60):
            await bus.publish(happened(analysis("x" * 60_000), session=session, identity=f"{session}-{number}"))
        await until(lambda: _dropped(process), what="the client is closed")
        await process.stop()
        assert b"Traceback" not in process.output
        idle.transport.abort()


async def _dropped(process: Process) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        return 'ws_dropped_total{reason="too_slow"} 1.0' in (await client.get(f"{process.base}/metrics")).text


async def test_the_log_is_json_without_queries_and_tokens_even_at_debug_level(process: Process, session: str) -> None:
    token = {"Authorization": f"Bearer {session}"}
    async with connect(f"{process.url}?session_id={session}", proxy=None, additional_headers=token):
        pass
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"{process.base}/notify?token={session}")
    await process.stop()
    lines = [json.loads(line) for line in process.output.decode().splitlines()]
    assert any(line["event"] == "request" and line["route"] == "/notify" for line in lines)
    assert session not in process.output.decode()
