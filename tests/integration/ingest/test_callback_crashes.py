"""Ingest is killed during callbacks: every accepted upload gets its callback, always under the same id."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from shared.storage.settings import StoreConfig
from shared.storage.spool import Spool
from tests.integration.audio_files import encoded
from tests.integration.ingest.main_service import SECRET, MainService
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, store_settings
from tests.service_process import ServiceProcess
from tests.waiting import until

NOTIFIED = "File upload completed and main service notified."
SOUND = encoded("wav", 1.0)


def process_settings(spool: Path, nats_url: str, store: StoreConfig, receiver: MainService) -> dict[str, str]:
    return {
        "PORT": str(free_ports(1)[0]),
        "NATS_URL": nats_url,
        "LOCAL_TEMP_CHUNK_PATH": str(spool),
        "SHUTDOWN_GRACE_SECONDS": "2",
        **{name.upper(): str(value) for name, value in {**store_settings(store), **receiver.settings()}.items()},
    }


@asynccontextmanager
async def client_of(ingest: ServiceProcess, spool: Path) -> AsyncIterator[Uploader]:
    async with httpx.AsyncClient(base_url=ingest.base_url, timeout=60) as client:
        yield Uploader(Pipeline(client, Spool(spool)))


async def test_killed_between_complete_and_callback_it_sends_the_callback_after_its_restart(
    tmp_path: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    spool = tmp_path / "spool"
    settings = process_settings(spool, nats_url, store_config, receiver)
    async with ServiceProcess("ingest", tmp_path, settings) as ingest:
        async with client_of(ingest, spool) as uploader:
            upload = await uploader.uploaded(SOUND)
            assert (await uploader.complete(upload, 1, Prefer="respond-async")).status_code == 202
        await ingest.kill()  # nothing is stored yet: no assembler runs
        assert receiver.notices == []
        async with assembler_running(assembler_settings(spool, nats_url, store_config)):
            await ingest.start()
            await until(lambda: [notice["upload_session_id"] for notice in receiver.notices] == [upload], within=30)
            async with client_of(ingest, spool) as uploader:

                async def notified() -> bool:
                    return NOTIFIED in (await uploader.complete(upload, 1)).text

                await until(notified)
        for secret in (SECRET, "key=private", "audio.mp3"):
            assert secret not in (tmp_path / "ingest.log").read_text()


async def test_killed_inside_a_callback_it_sends_the_same_again(
    tmp_path: Path, spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    receiver.responses = [None]
    settings = process_settings(spool, nats_url, store_config, receiver)
    async with ServiceProcess("ingest", tmp_path, settings) as ingest:
        async with client_of(ingest, spool) as uploader:
            upload = await uploader.uploaded(SOUND)
            await uploader.complete(upload, 1, Prefer="respond-async")
            await until(lambda: len(receiver.notices) == 1, what="the callback to be received")
        await ingest.kill()
        await ingest.start()
        await until(lambda: len(receiver.notices) == 2, within=30)
    assert receiver.notices[0] == receiver.notices[1]
    assert receiver.ids[0] == receiver.ids[1]


async def test_killed_again_and_again_under_load_it_sends_a_callback_for_every_accepted_upload(
    tmp_path: Path, spool: Path, nats_url: str, store_config: StoreConfig, receiver: MainService
) -> None:
    accepted: set[str] = set()
    settings = process_settings(spool, nats_url, store_config, receiver)

    async def upload_until_it_dies(uploader: Uploader) -> None:
        try:
            while True:
                upload = await uploader.uploaded(SOUND)
                response = await uploader.complete(upload, 1)
                assert response.status_code in {200, 202}, response.text
                accepted.add(upload)
        except httpx.TransportError:
            return

    async with ServiceProcess("ingest", tmp_path, settings) as ingest:
        for enough in (8, 16, 24):
            receiver.responses += [500, None, 200, 503]
            async with client_of(ingest, spool) as uploader, asyncio.TaskGroup() as clients:
                for _ in range(4):
                    clients.create_task(upload_until_it_dies(uploader))
                await until(lambda enough=enough: len(accepted) > enough, within=40)  # type: ignore[misc]
                await ingest.kill()
            await ingest.start()
        await until(
            lambda: accepted <= {notice["upload_session_id"] for notice in receiver.notices},
            within=40,
            what="a callback for every accepted upload",
        )
    by_upload = {
        (notice["upload_session_id"], message) for notice, message in zip(receiver.notices, receiver.ids, strict=True)
    }
    assert len(by_upload) == len({upload for upload, _ in by_upload})
