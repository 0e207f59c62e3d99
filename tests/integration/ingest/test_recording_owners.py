"""Whose an upload is: its call's, its lead's and its tenant's; and who may do what."""

from collections.abc import AsyncIterator

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.lead_client import LeadClient, assert_refused, new_call
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
    assert_refused(await lead.finalize(upload_id, 1, call), 400, "VALIDATION_ERROR")  # nothing there yet
    await lead.append(upload_id, 0, AAC)
    assert_refused(await lead.finalize(upload_id, 1, new_call()), 409, "CONFLICT")
    assert_refused(await lead.finalize(upload_id, 2, call), 409, "CONFLICT")
    missing = await lead.append("0" * 32, 0, AAC)
    assert_refused(missing, 404, "NOT_FOUND")
    strangers = [
        LeadClient(pipeline.client, "another", bearer()),
        LeadClient(pipeline.client, lead.lead, bearer(tenant_id="another")),
    ]
    for stranger in strangers:
        for answer in (
            await stranger.append(upload_id, 0, AAC),
            await stranger.append_form(upload_id, 0, AAC),
            await stranger.finalize(upload_id, 1, call),
        ):
            assert (answer.status_code, answer.json()) == (404, missing.json())
    await pipeline.send("raw", b"x")
    assert_refused(await lead.append("raw", 0, AAC), 404, "NOT_FOUND")


async def test_a_finalized_upload_takes_no_more_and_no_other_count(pipeline: Pipeline, lead: LeadClient) -> None:
    upload_id = await lead.init(call := new_call())
    await lead.append(upload_id, 0, AAC)
    first = await lead.finalize(upload_id, 1, call)  # the bus is away: it is safe, and takes longer
    assert first.status_code == 202
    assert_refused(await lead.append(upload_id, 1, b"late"), 409, "CONFLICT")
    assert_refused(await lead.finalize(upload_id, 2, call), 409, "CONFLICT")
    again = await lead.finalize(upload_id, 1, call.upper())
    assert again.json() == first.json()
    assert pipeline.leftovers() == []


async def test_a_lead_outside_the_token_is_refused_before_any_body(pipeline: Pipeline) -> None:
    stranger = LeadClient(pipeline.client, "8", bearer(leads=["7"]))
    for answer in (
        await stranger.upload(AAC, new_call()),
        await stranger.json("burn"),
        await stranger.list(),
        await stranger.play(new_call()),
    ):
        assert_refused(answer, 403, "AUTHORIZATION_ERROR")
    assert (await stranger.play(new_call(), "HEAD")).status_code == 403
    covered = LeadClient(pipeline.client, "7", bearer(leads=["7"]))
    assert (await covered.json("init", filename="call.aac", call_log_id=new_call())).status_code == 201


async def test_posting_needs_the_one_scope_and_getting_the_other(pipeline: Pipeline) -> None:
    writer = LeadClient(pipeline.client, "7", bearer(scope="audio:write"))
    reader = LeadClient(pipeline.client, "7", bearer(scope="audio:read events:read"))
    assert_refused(await reader.upload(AAC, new_call()), 403, "AUTHORIZATION_ERROR")
    assert_refused(await writer.list(), 403, "AUTHORIZATION_ERROR")
    assert_refused(await writer.play(new_call()), 403, "AUTHORIZATION_ERROR")
    assert_refused(await LeadClient(pipeline.client, "7").list(), 401, "AUTHENTICATION_ERROR")
    assert_refused(await reader.list(), 503, "SERVICE_UNAVAILABLE")  # the bus is away
