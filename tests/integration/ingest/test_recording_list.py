"""The list of a lead's recordings: one row for each call, newest first, in pages."""

from collections.abc import AsyncIterator

import pytest

from shared.domain.events import AnalysisCompleted
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.ingest.stored_recordings import append_event, append_recording
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        assembler_running(assembler_settings(spool, nats_url, store_config)),
        ingest_running(ingest_settings(spool, nats_url, store_config, **token_settings())) as pipeline,
    ):
        yield pipeline


@pytest.fixture
def lead(pipeline: Pipeline) -> LeadClient:
    return LeadClient(pipeline.client, headers=bearer())


async def test_a_list_has_one_row_for_each_call_with_what_is_known(
    lead: LeadClient, nats_url: str, store_config: StoreConfig
) -> None:
    first, second = new_call(), new_call()
    await lead.upload(encoded("aac"), first)
    other = (await lead.upload(encoded("mp3"), second, filename="b.mp3")).json()["data"]
    newest = (await lead.upload(encoded("m4a"), first, filename="a.m4a")).json()["data"]
    listed = await lead.list()
    assert listed.headers["cache-control"] == "no-store"
    assert listed.json()["next_cursor"] is None
    rows = listed.json()["data"]
    assert [row["id"] for row in rows] == [first, second]
    assert rows[0] | {"created_at": "", "duration_seconds": 0} == {
        "id": first,
        "recording_path": newest["recording_path"],
        "filename": "a.m4a",
        "content_type": "audio/mp4",
        "size_bytes": len(encoded("m4a")),
        "created_at": "",
        "duration_seconds": 0,
        "session_id": newest["session_id"],
        "temperature": None,
    }
    assert rows[0]["duration_seconds"] == pytest.approx(2, abs=0.2)
    assert rows[0]["created_at"] >= rows[1]["created_at"]
    analysis = AnalysisCompleted(
        temperature=75, confidence=0.5, analysis_summary="", timestamp="", scorer="x", transcriber="x"
    )
    await append_event(nats_url, store_config, other["session_id"], analysis)
    assert (await lead.list()).json()["data"][1]["temperature"] == 75


async def test_pages_follow_one_another_without_gap_or_repeat(
    lead: LeadClient, nats_url: str, store_config: StoreConfig
) -> None:
    calls = [new_call() for _ in range(7)]
    for call in (*calls, calls[0]):
        await append_recording(nats_url, store_config, lead.lead, call, size=1, sha256="0" * 64)
    expected = [calls[0], *reversed(calls[1:])]
    for limit in (1, 2, 3, 7, 200):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await lead.list(limit=limit, **cursor)).json()
            assert 1 <= len(page["data"]) <= limit
            seen += [row["id"] for row in page["data"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == expected


async def test_a_lead_without_recordings_has_an_empty_list(lead: LeadClient) -> None:
    assert (await lead.list()).json() == {"data": [], "next_cursor": None}


async def test_another_tenant_has_neither_the_list_nor_the_recording(pipeline: Pipeline, lead: LeadClient) -> None:
    call = new_call()
    path = (await lead.upload(encoded("aac"), call)).json()["data"]["recording_path"]
    other_tenant = LeadClient(pipeline.client, lead.lead, bearer(tenant_id="acme"))
    assert (await other_tenant.list()).json()["data"] == []
    theirs, missing = await other_tenant.play(call), await other_tenant.play(new_call())
    assert (theirs.status_code, theirs.content) == (404, missing.content)
    assert (await other_tenant.play(call, "HEAD")).status_code == 404
    mine = (await other_tenant.upload(encoded("mp3"), call, filename="x.mp3")).json()["data"]["recording_path"]
    assert path.rpartition("_")[0] == mine.rpartition("_")[0]  # each relative to its tenant's prefix
    assert (await other_tenant.play(call)).content == encoded("mp3")
    assert (await lead.play(call)).content == encoded("aac")


async def test_a_deleted_recording_is_neither_listed_nor_played(pipeline: Pipeline, lead: LeadClient) -> None:
    call = new_call()
    older = (await lead.upload(encoded("aac"), call)).json()["data"]["session_id"]
    newer = (await lead.upload(encoded("mp3"), call, filename="x.mp3")).json()["data"]["session_id"]
    for session, left in ((newer, encoded("aac")), (older, None)):
        assert (await pipeline.client.delete(f"/sessions/{session}", headers=lead.headers)).status_code == 200
        played = await lead.play(call)
        assert (played.content if played.status_code == 200 else None) == left
    assert (await lead.list()).json()["data"] == []
