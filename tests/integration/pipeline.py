"""Runs ingest and assembler on real engines, each behind its own server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.assembler.app import create_service as create_assembler
from services.assembler.settings import AssemblerSettings
from services.ingest.app import create_service as create_ingest
from services.ingest.settings import IngestSettings
from shared.domain.identifiers import SessionKey
from shared.observability.metrics import Metrics
from shared.storage.object_store import open_store
from shared.storage.session_directory import SessionDirectory
from shared.storage.settings import StoreConfig
from shared.storage.spool import Spool
from tests.serving import serving
from tests.waiting import until

OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A running ingest and its spool, as tests use them."""

    client: httpx.AsyncClient
    spool: Spool

    async def send(self, session: str, chunk: bytes, **query: int | str) -> httpx.Response:
        return await self.client.post(f"/upload_chunk/{session}", content=chunk, headers=OCTETS, params=query)

    async def finalize(self, session: str) -> httpx.Response:
        return await self.client.post(f"/finalize/{session}")

    def directory(self, session: str) -> SessionDirectory:
        return self.spool.session(SessionKey("default", session))

    def leftovers(self) -> list[str]:
        return [path.name for path in self.spool.temporaries.iterdir()]


def store_settings(store: StoreConfig) -> dict[str, object]:
    return {
        "s3_endpoint_url": store.endpoint,
        "s3_access_key": store.access_key,
        "s3_secret_key": store.secret_key.get_secret_value(),
        "s3_bucket_name": store.bucket,
        "store_part_order": store.part_order,
    }


def ingest_settings(spool: Path, nats_url: str, store: StoreConfig, **more: object) -> IngestSettings:
    return IngestSettings.model_validate(
        {"local_temp_chunk_path": spool, "nats_url": nats_url, **store_settings(store), **more}
    )


def assembler_settings(spool: Path, nats_url: str, store: StoreConfig, **more: object) -> AssemblerSettings:
    return AssemblerSettings.model_validate(
        {"local_temp_chunk_path": spool, "nats_url": nats_url, **store_settings(store), **more}
    )


@asynccontextmanager
async def ingest_running(settings: IngestSettings) -> AsyncIterator[Pipeline]:
    """Run ingest alone; waits until it has reached its bus, if there is one, since a finalize before that gets 202."""
    async with (
        serving(create_ingest(settings, Metrics()), settings) as base,
        httpx.AsyncClient(base_url=base, timeout=60) as client,
    ):
        if await _listens(settings.nats_url):  # a test may start without a bus
            await until(lambda: _bus_reached(client), within=60, what="ingest to reach its bus")
        yield Pipeline(client, Spool(settings.local_temp_chunk_path))


async def _listens(url: str) -> bool:
    address = httpx.URL(url)
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    return True


async def _bus_reached(client: httpx.AsyncClient) -> bool:
    return 'bus_connected{service="ingest"} 1.0' in (await client.get("/metrics")).text


@asynccontextmanager
async def assembler_running(settings: AssemblerSettings) -> AsyncIterator[str]:
    """Run the assembler; yields its base URL."""
    async with serving(create_assembler(settings, Metrics()), settings) as base:
        yield base


async def download(store: StoreConfig, key: str) -> bytes:
    """Return the content of a small object."""
    async with open_store(store) as objects:
        return b"".join([piece async for piece in objects.read(key)])
