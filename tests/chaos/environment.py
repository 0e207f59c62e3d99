"""What a chaos run breaks: the engines, a faulty relay to the store, and the four services as processes."""

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore, StoreKeys
from deploy.local.ports import free_ports
from shared.storage.settings import StoreConfig
from shared.storage.spool import Spool
from tests.chaos.faulty_store import FaultyStore
from tests.chaos.plan import SERVICES, Plan
from tests.chaos.process import ChaosProcess
from tests.chaos.result import RunResult

_MODEL_DEADLINE = "10"


@dataclass(frozen=True, slots=True)
class ChaosEnvironment:
    """The engines, relay and processes of a run, and the spool."""

    folder: Path
    nats: NatsServer
    store: RcloneStore
    faulty_store: FaultyStore
    processes: dict[str, ChaosProcess]
    spool: Spool

    @property
    def ingest(self) -> str:
        """The base URL that clients send to."""
        return f"http://127.0.0.1:{self.processes['ingest'].port}"

    async def stop_all(self, result: RunResult) -> None:
        """Stop every service with SIGTERM, as an orchestrator would."""
        for process in self.processes.values():
            await stop(process, result)


@asynccontextmanager
async def open_environment(plan: Plan, folder: Path, result: RunResult) -> AsyncIterator[ChaosEnvironment]:
    """Start the engines; the services are started by the fault injection, and are gone at the block's end."""
    nats_port, store_port, *ports = free_ports(2 + len(SERVICES))
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer(folder / "nats", nats_port))
        store = await stack.enter_async_context(RcloneStore(folder / "objects", store_port, StoreKeys()))
        faulty_store = await stack.enter_async_context(FaultyStore(store_port, plan.rng("store requests"), result))
        settings = _settings(plan, folder, nats.url, store.config(), faulty_store.endpoint)
        processes = {
            name: ChaosProcess(name, port, folder, settings) for name, port in zip(SERVICES, ports, strict=True)
        }
        for process in processes.values():
            await stack.enter_async_context(process)
        yield ChaosEnvironment(folder, nats, store, faulty_store, processes, Spool(folder / "spool"))


def _settings(plan: Plan, folder: Path, nats_url: str, store: StoreConfig, endpoint: str) -> dict[str, str]:
    """Return settings with more tries than there are kills, and short waits between the tries."""
    return {
        "NATS_URL": nats_url,
        "S3_ENDPOINT_URL": endpoint,
        "S3_ACCESS_KEY": store.access_key,
        "S3_SECRET_KEY": store.secret_key.get_secret_value(),
        "S3_BUCKET_NAME": store.bucket,
        "STORE_PART_ORDER": store.part_order,
        "LOCAL_TEMP_CHUNK_PATH": str(folder / "spool"),
        "MIN_FREE_DISK": "0",
        "FINALIZE_WAIT_SECONDS": "3",
        "REDELIVERY_SECONDS": str(plan.redelivery),
        "ASSEMBLER_TRIES": "100",
        "ASSEMBLER_RETRY_SECONDS": "0.2",
        "ANALYSIS_TRIES": "100",
        "ANALYSIS_FIRST_RETRY_SECONDS": "0.2",
        "MODEL_DEADLINE_SECONDS": _MODEL_DEADLINE,
        "SHUTDOWN_GRACE_SECONDS": "5",
    }


async def stop(process: ChaosProcess, result: RunResult) -> None:
    """Stop a service with SIGTERM; another exit status than 0 is a violation."""
    status = await process.end(signal.SIGTERM)
    if status != 0:
        result.violated(f"{process.name} ended with {status} when it was asked to stop: see {process.log}")
