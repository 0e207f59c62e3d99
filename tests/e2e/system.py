"""A running Roomtone in either form, as its clients see it: addresses only."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import free_ports
from shared.storage.settings import StoreConfig
from tests.e2e.one_machine import one_machine
from tests.service_process import ServiceProcess

_SERVICES = ("ingest", "assembler", "analyzer", "notifier")


@dataclass(frozen=True, slots=True)
class System:
    """The addresses of the HTTP API, of `/notify`, and of the bus that other services consume from."""

    http: str
    notify: str
    nats: str


@asynccontextmanager
async def on_one_machine(folder: Path) -> AsyncIterator[System]:
    """Run the one-machine form, as `make run` does."""
    async with one_machine(folder / "data") as machine:
        address = machine.address
        bus = f"nats://127.0.0.1:{machine.addresses.nats_port}"
        yield System(address, address.replace("http", "ws") + "/notify", bus)


@asynccontextmanager
async def as_four_processes(folder: Path, nats_url: str, store: StoreConfig) -> AsyncIterator[System]:
    """Run the form of production: each service in its own process, on given engines."""
    ports = dict(zip(_SERVICES, free_ports(len(_SERVICES)), strict=True))
    shared = {
        "NATS_URL": nats_url,
        "S3_ENDPOINT_URL": store.endpoint,
        "S3_ACCESS_KEY": store.access_key,
        "S3_SECRET_KEY": store.secret_key.get_secret_value(),
        "S3_BUCKET_NAME": store.bucket,
        "LOCAL_TEMP_CHUNK_PATH": str(folder / "spool"),
    }
    async with AsyncExitStack() as stack:
        for service, port in ports.items():
            process = ServiceProcess(service, folder, {**shared, "PORT": str(port)})
            await stack.enter_async_context(process)
            await process.ready()
        yield System(f"http://127.0.0.1:{ports['ingest']}", f"ws://127.0.0.1:{ports['notifier']}/notify", nats_url)
