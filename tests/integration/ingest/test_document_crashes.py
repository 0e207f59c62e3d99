"""Ingest is killed between the steps of a registration: the same request again completes it, with each event once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from deploy.local.ports import free_ports
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import STREAM, session_filter
from shared.messaging.bus import Bus, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.storage.spool import Spool
from tests.integration.audio_files import encoded, samples_of
from tests.integration.ingest.blocking_relay import BlockingRelay
from tests.integration.ingest.direct_uploads import Uploader
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, download
from tests.service_process import ServiceProcess
from tests.waiting import until

Engine = Literal["bus", "store"]

BEFORE: dict[str, tuple[Engine, bytes]] = {
    "the catalog": ("bus", b"PUB $KV.ROOMTONE_CATALOG.session."),
    "the event is archived": ("store", b"/document.registered.json"),
    "the event is published": ("bus", b".document.registered"),
    "the session is finalized": ("bus", b".session.finalized"),
}


@dataclass(frozen=True, slots=True)
class Crash:
    """One ingest behind a blocking relay to an engine, and its spool."""

    ingest: ServiceProcess
    relay: BlockingRelay
    spool: Spool

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Uploader]:
        async with httpx.AsyncClient(base_url=self.ingest.base_url, timeout=30) as client:
            yield Uploader(Pipeline(client, self.spool), {})


@pytest.fixture
async def crash(
    request: pytest.FixtureRequest, tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore
) -> AsyncIterator[Crash]:
    engine, marker = BEFORE[request.param]
    store = object_store.config()
    ports = {"bus": private_nats.port, "store": object_store.port}
    async with BlockingRelay(ports[engine], marker) as relay:
        ports[engine] = relay.port
        settings = {
            "PORT": str(free_ports(1)[0]),
            "NATS_URL": f"nats://127.0.0.1:{ports['bus']}",
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{ports['store']}",
            "S3_ACCESS_KEY": store.access_key,
            "S3_SECRET_KEY": store.secret_key.get_secret_value(),
            "S3_BUCKET_NAME": store.bucket,
            "LOCAL_TEMP_CHUNK_PATH": str(tmp_path / "spool"),
            "SHUTDOWN_GRACE_SECONDS": "2",
        }
        async with ServiceProcess("ingest", tmp_path, settings) as ingest:
            yield Crash(ingest, relay, Spool(tmp_path / "spool"))


@pytest.fixture
async def bus(private_nats: NatsServer) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


async def published_counts(bus: Bus, document: str) -> dict[str, int]:
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=session_filter(SessionKey("default", document)))
    return {subject.split(".", 4)[4]: times for subject, times in (info.state.subjects or {}).items()}


async def killed_while_registering(crash: Crash, file: dict[str, object]) -> None:
    async with crash.client() as client:
        registering = asyncio.create_task(client.register(file))
        async with asyncio.timeout(20):
            await crash.relay.reached.wait()
        await crash.ingest.kill()
        with suppress(httpx.TransportError):
            await registering


@pytest.mark.parametrize("crash", BEFORE, indirect=True)
async def test_killed_before_any_step_the_same_request_completes_the_registration(
    crash: Crash, private_nats: NatsServer, object_store: RcloneStore, bus: Bus, tmp_path: Path
) -> None:
    async with crash.client() as client:
        await until(client.connected)
        file = await client.uploaded(encoded("mp3"), filename="call.mp3", content_type="audio/mpeg")
    await killed_while_registering(crash, file)
    (manifest,) = [directory.read_manifest() for directory in crash.spool.sessions()]
    assert manifest is not None

    crash.relay.open()
    await crash.ingest.start()
    async with crash.client() as client:
        await until(client.connected)
        response = await client.register(file)
        assert response.status_code == 201, response.text
        document = response.json()
        assert document["created_at"] == manifest.manifest.opened_at
        settings = assembler_settings(tmp_path / "spool", private_nats.url, object_store.config())
        async with assembler_running(settings):
            await until(lambda: _state(client, document["id"], "ready"), within=30)
        assert (await client.register(file)).json() == document
        assert (await client.read(document["id"])).json()["filename"] == "call.mp3"
    assert samples_of(await download(object_store.config(), f"audio_{document['id']}.wav"))
    assert await published_counts(bus, document["id"]) == {
        "document.registered": 1,
        "session.finalized": 1,
        "audio.ready": 1,
    }


@pytest.mark.parametrize("crash", ["the session is finalized"], indirect=True)
async def test_a_registered_recording_is_assembled_though_its_client_never_returns(
    crash: Crash, private_nats: NatsServer, object_store: RcloneStore, tmp_path: Path
) -> None:
    async with crash.client() as client:
        await until(client.connected)
        file = await client.uploaded(encoded("mp3"), filename="call.mp3", content_type="audio/mpeg")
    await killed_while_registering(crash, file)
    (directory,) = crash.spool.sessions()
    crash.relay.open()
    await crash.ingest.start()
    settings = assembler_settings(tmp_path / "spool", private_nats.url, object_store.config())
    async with crash.client() as client, assembler_running(settings):
        await until(lambda: _state(client, directory.key.session, "ready"), within=30)
        assert (await client.read(directory.key.session)).json()["filename"] == "call.mp3"


async def _state(client: Uploader, session: str, wanted: str) -> bool:
    response = await client.pipeline.client.get(f"/sessions/{session}")
    return response.status_code == 200 and response.json()["state"] == wanted
