"""An upload belongs to its call, lead and tenant; permissions of the routes."""

from collections.abc import AsyncIterator

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.lead_client import LeadClient, assert_error, new_call
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings

NOWHERE = "nats://127.0.0.1:1"
AAC = encoded("aac")


@pytest.fixture(scope="module")
async def pipeline(tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), NOWHERE, store_config, **token_settings())
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture
def lead(pipeline: Pipeline) -> LeadClient:
    return LeadClient(pipeline.client, headers=bearer())


async def test_an_upload_belongs_to_its_call_its_lead_and_its_tenant(pipeline: Pipeline, lead: LeadClient) -> None:
    upload_id = await lead.init(call := new_call())
    assert_error(await lead.finalize(upload_id, 1, call), 400, "VALIDATION_ERROR")  # no chunk yet
    await lead.append(upload_id, 0, AAC)
    assert_error(await lead.finalize(upload_id, 1, new_call()), 409, "CONFLICT")
    assert_error(await lead.finalize(upload_id, 2, call), 409, "CONFLICT")
    missing = await lead.append("0" * 32, 0, AAC)
    assert_error(missing, 404, "NOT_FOUND")
    others = [
        LeadClient(pipeline.client, "another", bearer()),
        LeadClient(pipeline.client, lead.lead, bearer(tenant_id="another")),
    ]
    for other in others:
        for response in (
            await other.append(upload_id, 0, AAC),
            await other.append_form(upload_id, 0, AAC),
            await other.finalize(upload_id, 1, call),
        ):
            assert (response.status_code, response.json()) == (404, missing.json())
    await pipeline.send("raw", b"x")
    assert_error(await lead.append("raw", 0, AAC), 404, "NOT_FOUND")


async def test_a_finalized_upload_takes_no_more_chunks_and_no_other_count(pipeline: Pipeline, lead: LeadClient) -> None:
    upload_id = await lead.init(call := new_call())
    await lead.append(upload_id, 0, AAC)
    first = await lead.finalize(upload_id, 1, call)  # accepted; its result has to wait for the bus
    assert first.status_code == 202
    assert_error(await lead.append(upload_id, 1, b"late"), 409, "CONFLICT")
    assert_error(await lead.finalize(upload_id, 2, call), 409, "CONFLICT")
    again = await lead.finalize(upload_id, 1, call.upper())
    assert again.json() == first.json()
    assert pipeline.leftovers() == []


async def test_a_lead_outside_the_token_is_rejected_before_the_body(pipeline: Pipeline) -> None:
    other = LeadClient(pipeline.client, "8", bearer(leads=["7"]))
    for response in (
        await other.upload(AAC, new_call()),
        await other.json("burn"),
        await other.list(),
        await other.play(new_call()),
    ):
        assert_error(response, 403, "AUTHORIZATION_ERROR")
    assert (await other.play(new_call(), "HEAD")).status_code == 403
    covered = LeadClient(pipeline.client, "7", bearer(leads=["7"]))
    assert (await covered.json("init", filename="call.aac", call_log_id=new_call())).status_code == 201


async def test_post_needs_the_write_scope_and_get_the_read_scope(pipeline: Pipeline) -> None:
    writer = LeadClient(pipeline.client, "7", bearer(scope="audio:write"))
    reader = LeadClient(pipeline.client, "7", bearer(scope="audio:read events:read"))
    assert_error(await reader.upload(AAC, new_call()), 403, "AUTHORIZATION_ERROR")
    assert_error(await writer.list(), 403, "AUTHORIZATION_ERROR")
    assert_error(await writer.play(new_call()), 403, "AUTHORIZATION_ERROR")
    assert_error(await LeadClient(pipeline.client, "7").list(), 401, "AUTHENTICATION_ERROR")
    assert_error(await reader.list(), 503, "SERVICE_UNAVAILABLE")  # the bus is away
