"""The system under measurement: ingest and the assembler, each in its own process, on the embedded engines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import httpx

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore, StoreKeys
from deploy.local.ports import free_ports
from shared.domain.identifiers import SessionKey
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool
from tests.service_process import ServiceProcess
from tests.waiting import until

_OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(slots=True)
class System:
    """Running services, and a client of their store; `assembler` is its process id."""

    client: httpx.AsyncClient
    store: ObjectStore
    assembler: int
    spool: Spool
    sessions: int = 0

    async def send(self, chunks: list[bytes]) -> str:
        """Upload a recording as chunks of a new session, and return its id."""
        self.sessions += 1
        session = f"bench-{self.sessions}"
        for chunk in chunks:
            response = await self.client.post(f"/upload_chunk/{session}", content=chunk, headers=_OCTETS)
            response.raise_for_status()
        return session

    async def finalize(self, session: str) -> float:
        """Return the seconds from the request to its response, which is sent at `audio.ready`."""
        started = perf_counter()
        response = await self.client.post(f"/finalize/{session}")
        seconds = perf_counter() - started
        if response.status_code != httpx.codes.OK:
            raise RuntimeError(f"finalize was answered {response.status_code}: {response.text[:300]}")
        directory = self.spool.session(SessionKey("default", session))
        await until(partial(_finished, directory))  # so that the work behind it is not part of the next measurement
        return seconds


def _finished(directory: SessionDirectory) -> bool:
    return directory.result.exists() and not any(name.endswith(".chunk") for name in directory.file_names())


@asynccontextmanager
async def system_in(folder: Path) -> AsyncIterator[System]:
    """Run the system in `folder`; without analyzer and notifier, so that scoring takes no processor time."""
    nats_port, store_port, ingest_port, assembler_port = free_ports(4)
    async with (
        NatsServer(folder / "nats", nats_port) as nats,
        RcloneStore(folder / "objects", store_port, StoreKeys(), log=folder / "rclone.log") as rclone,
    ):
        config = rclone.config()
        settings = {
            "LOCAL_TEMP_CHUNK_PATH": str(folder / "spool"),
            "NATS_URL": nats.url,
            "S3_ENDPOINT_URL": config.endpoint,
            "S3_ACCESS_KEY": config.access_key,
            "S3_SECRET_KEY": config.secret_key.get_secret_value(),
            "S3_BUCKET_NAME": config.bucket,
            "STORE_PART_ORDER": config.part_order,
            "STORE_FOLDER": str(rclone.bucket_folder),
            "FINALIZE_WAIT_SECONDS": "600",
        }
        async with (
            ServiceProcess("ingest", folder, {**settings, "PORT": str(ingest_port)}) as ingest,
            ServiceProcess("assembler", folder, {**settings, "PORT": str(assembler_port)}) as assembler,
            httpx.AsyncClient(base_url=ingest.base_url, timeout=600) as client,
            open_store(config) as store,
        ):
            await ingest.ready()
            await assembler.ready()
            yield System(client, store, assembler.pid, Spool(folder / "spool"))
