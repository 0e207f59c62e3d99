"""A recording is finalized while the bucket or the bus is away."""

import asyncio
from pathlib import Path

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.lead_client import LeadClient, assert_error, new_call
from tests.integration.pipeline import (
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)
from tests.waiting import until

AAC = encoded("aac")


async def test_with_the_bucket_away_too_long_it_fails_and_finalizing_again_stores_it(
    tmp_path: Path, nats_url: str, private_store: RcloneStore
) -> None:
    store = private_store.config("any")
    async with (
        assembler_running(assembler_settings(tmp_path, nats_url, store, assembler_tries=1)),
        ingest_running(ingest_settings(tmp_path, nats_url, store)) as pipeline,
    ):
        lead = LeadClient(pipeline.client)
        upload_id = await lead.init(call := new_call())
        await lead.append(upload_id, 0, AAC)
        await private_store.kill()
        assert_error(await lead.finalize(upload_id, 1, call), 500, "SERVER_ERROR")
        await private_store.start()
        again = await lead.finalize(upload_id, 1, call)
        assert again.status_code == 200, again.text
        assert await download(store, again.json()["data"]["recording_path"]) == AAC
        assert (await lead.play(call)).content == AAC


async def test_with_the_bus_away_it_is_accepted_with_its_path_and_stored_there_later(
    tmp_path: Path, private_nats: NatsServer, store_config: StoreConfig
) -> None:
    async with (
        assembler_running(assembler_settings(tmp_path, private_nats.url, store_config)),
        ingest_running(ingest_settings(tmp_path, private_nats.url, store_config)) as pipeline,
    ):
        lead = LeadClient(pipeline.client)
        await private_nats.kill()
        call = new_call()
        responses = await asyncio.gather(*(lead.upload(AAC, call) for _ in range(3)))
        assert {response.status_code for response in responses} == {202}
        paths = [response.json()["data"]["recording_path"] for response in responses]
        assert len(set(paths)) == 3
        await private_nats.start()
        await until(lambda: _plays(lead, call), within=60, what="the recording to be stored")
        for response in responses:
            await until(lambda: _ready(lead, response.json()["status_url"]), within=60, what="all three")  # noqa: B023
        assert [await download(store_config, path) for path in paths] == [AAC] * 3


async def _plays(lead: LeadClient, call: str) -> bool:
    response = await lead.play(call)
    return response.status_code == 200 and response.content == AAC


async def _ready(lead: LeadClient, status_url: str) -> bool:
    return str((await lead.client.get(status_url)).json()["state"]) == "ready"
