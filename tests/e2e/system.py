"""Roomtone as a whole, in either form, as its clients see it: addresses and nothing else."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from shared.settings import StoreConfig
from tests.e2e.one_machine import clean_environment, one_machine
from tests.waiting import until

_REPOSITORY = Path(__file__).parents[2]
_SERVICES = ("ingest", "assembler", "analyzer", "notifier")


@dataclass(frozen=True, slots=True)
class System:
    """Where to send, where to listen, and the bus that other services consume."""

    http: str
    notify: str
    nats: str


@asynccontextmanager
async def on_one_machine(folder: Path) -> AsyncIterator[System]:
    """The form that `make run` starts."""
    async with one_machine(folder / "data") as machine:
        address = machine.address
        bus = f"nats://127.0.0.1:{machine.addresses.nats_port}"
        yield System(address, address.replace("http", "ws") + "/notify", bus)


@asynccontextmanager
async def as_four_processes(folder: Path, nats_url: str, store: StoreConfig) -> AsyncIterator[System]:
    """The form that production runs: each service a process, on engines that stand elsewhere."""
    ports = dict(zip(_SERVICES, free_ports(len(_SERVICES)), strict=True))
    shared = {
        "NATS_URL": nats_url,
        "S3_ENDPOINT_URL": store.endpoint,
        "S3_ACCESS_KEY": store.access_key,
        "S3_SECRET_KEY": store.secret_key.get_secret_value(),
        "S3_BUCKET_NAME": store.bucket,
        "LOCAL_TEMP_CHUNK_PATH": str(folder / "spool"),
        "LOG_FORMAT": "json",
    }
    async with AsyncExitStack() as stack:
        for service, port in ports.items():
            await stack.enter_async_context(_process(service, folder, {**shared, "PORT": str(port)}))
        for port in ports.values():
            await until(lambda port=port: _is_ready(port), within=60)  # type: ignore[misc]  # bound per turn
        yield System(f"http://127.0.0.1:{ports['ingest']}", f"ws://127.0.0.1:{ports['notifier']}/notify", nats_url)


@asynccontextmanager
async def _process(service: str, folder: Path, settings: dict[str, str]) -> AsyncIterator[None]:
    with (folder / f"{service}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"services.{service}"),
            cwd=_REPOSITORY,
            env={**clean_environment(os.environ), **settings},
            stderr=log,
        )
    try:
        yield
        process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0, (folder / f"{service}.log").read_text()[-3000:]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _is_ready(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        except httpx.TransportError:
            return False
