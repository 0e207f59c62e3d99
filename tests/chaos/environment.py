"""Where the fight takes place: the engines, a faulty way to the store, and the four services as processes."""

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
    """Everything that can be hurt."""

    folder: Path
    nats: NatsServer
    store: RcloneStore
    way: FaultyStore
    victims: dict[str, ChaosProcess]
    spool: Spool

    @property
    def ingest(self) -> str:
        """What clients send to."""
        return f"http://127.0.0.1:{self.victims['ingest'].port}"

    async def stop_all(self, tally: RunResult) -> None:
        """Stop every service as an orchestrator would."""
        for victim in self.victims.values():
            await stop(victim, tally)


@asynccontextmanager
async def open_environment(plan: Plan, folder: Path, tally: RunResult) -> AsyncIterator[ChaosEnvironment]:
    """Start the engines; the services are left to whoever attacks them, and are gone at the end."""
    nats_port, store_port, *ports = free_ports(2 + len(SERVICES))
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer(folder / "nats", nats_port))
        store = await stack.enter_async_context(RcloneStore(folder / "objects", store_port, StoreKeys()))
        way = await stack.enter_async_context(FaultyStore(store_port, plan.dice("store requests"), tally))
        settings = _settings(plan, folder, nats.url, store.config(), way.endpoint)
        victims = {name: ChaosProcess(name, port, folder, settings) for name, port in zip(SERVICES, ports, strict=True)}
        for victim in victims.values():
            await stack.enter_async_context(victim)
        yield ChaosEnvironment(folder, nats, store, way, victims, Spool(folder / "spool"))


def _settings(plan: Plan, folder: Path, nats_url: str, store: StoreConfig, endpoint: str) -> dict[str, str]:
    """Patience enough for every kill to count as a try, and short waits between the tries."""
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


async def stop(victim: ChaosProcess, tally: RunResult) -> None:
    """Stop a service in order; it is a violation if it does not."""
    status = await victim.end(signal.SIGTERM)
    if status != 0:
        tally.violated(f"{victim.name} ended with {status} when it was asked to stop: see {victim.log}")
