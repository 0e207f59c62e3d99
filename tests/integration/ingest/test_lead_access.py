"""Every route that takes a session id, for callers with the session's lead and callers without it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import httpx
import pytest

from shared.domain.envelope import Envelope, decode, make_envelope
from shared.domain.events import AudioFailed, AudioReady, ChunkReceived, SessionDeleted, SessionFinalized, SessionOpened
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import Manifest, dump_manifest
from shared.domain.subjects import PROGRESS_STREAM, STREAM, session_filter
from shared.domain.upload_kind import LeadRecording, RegisteredDocument
from shared.messaging.bus import Bus, last_event
from shared.observability.trace import new_trace
from shared.storage.session_directory import SessionMetadata
from shared.storage.settings import StoreConfig
from shared.storage.spool import Deletion
from tests.integration.audio_files import encoded, tone
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.ingest.stored_recordings import append_event, append_recording
from tests.integration.pipeline import (
    OCTETS,
    Pipeline,
    assembler_running,
    assembler_settings,
    ingest_running,
    ingest_settings,
)
from tests.tokens import bearer, token_settings
from tests.waiting import until

LEAD = "7"
AAC = encoded("aac")
OTHER_LEADS = [["8"], ["8", "77"], []]
KINDS = {SessionOpened, ChunkReceived, SessionFinalized, AudioReady}
OWN_LEADS = [["7"], [7, "8"], "*", None]

Route = Callable[[httpx.AsyncClient, str, dict[str, str]], Awaitable[httpx.Response]]

ROUTES: dict[str, Route] = {
    "status": lambda client, session, token: client.get(f"/sessions/{session}", headers=token),
    "deletion": lambda client, session, token: client.delete(f"/sessions/{session}", headers=token),
    "transcript": lambda client, session, token: client.get(f"/sessions/{session}/transcript", headers=token),
    "analysis": lambda client, session, token: client.get(f"/sessions/{session}/analysis", headers=token),
    "raw chunk": lambda client, session, token: client.post(
        f"/upload_chunk/{session}", content=b"xx", headers=token | OCTETS
    ),
    "raw chunk in a form": lambda client, session, token: client.post(
        f"/upload_chunk/{session}", files={"audio_chunk": b"xx"}, headers=token
    ),
    "finalize": lambda client, session, token: client.post(f"/finalize/{session}", headers=token),
    "indexed chunk": lambda client, session, token: client.post(
        "/upload/chunk",
        data={"upload_session_id": session, "chunk_index": "1"},
        files={"chunk": b"xx"},
        headers=token,
    ),
    "indexed completion": lambda client, session, token: client.post(
        "/upload/complete",
        json={"upload_session_id": session, "total_chunks": 1, "main_service_file_id": 1},
        headers=token,
    ),
    "document": lambda client, session, token: client.get(f"/api/v1/documents/{session}/", headers=token),
}
SESSION_ROUTES = ("status", "deletion")  # for callers with the lead
RESULT_ROUTES = ("transcript", "analysis")  # nothing is analyzed here: see test_results
OTHER_GROUPS_ROUTES = ("raw chunk", "raw chunk in a form", "finalize")  # for sessions of another API group


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, ascending_store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        ingest_running(ingest_settings(spool, nats_url, ascending_store_config, **token_settings())) as pipeline,
        assembler_running(assembler_settings(spool, nats_url, ascending_store_config)),
    ):
        yield pipeline


async def receiving(pipeline: Pipeline, lead: str = LEAD) -> str:
    """Open a recording and send one chunk; returns its session."""
    client = LeadClient(pipeline.client, lead, bearer())
    session = await client.init(new_call())
    assert (await client.append(session, 0, AAC)).status_code == 202
    return session


async def stored(pipeline: Pipeline, lead: str = LEAD) -> str:
    """Upload a recording; returns its session."""
    response = await LeadClient(pipeline.client, lead, bearer()).upload(AAC, new_call())
    assert response.status_code == 200, response.text
    session: str = response.json()["data"]["session_id"]
    return session


async def last_events(bus: Bus, session: str) -> list[Envelope]:
    """Return the session's last event of each type on the streams, once all have been stored."""
    filtered = session_filter(SessionKey("default", session))
    events: list[Envelope] = []
    for stream in (STREAM, PROGRESS_STREAM):
        info = await bus.jetstream.stream_info(stream, subjects_filter=filtered)
        names = info.state.subjects or {}
        events += [decode((await bus.jetstream.get_last_msg(stream, name)).data or b"") for name in names]
    return events if {type(item.event) for item in events} >= KINDS else []


@pytest.mark.parametrize("leads", OTHER_LEADS, ids=str)
@pytest.mark.parametrize("state", [receiving, stored])
@pytest.mark.parametrize("route", [*SESSION_ROUTES, *RESULT_ROUTES, *OTHER_GROUPS_ROUTES])
async def test_another_leads_session_is_not_found_and_stays_as_it_is(
    pipeline: Pipeline, state: Callable[[Pipeline], Awaitable[str]], route: str, leads: list[str]
) -> None:
    session = await state(pipeline)
    before = (await ROUTES["status"](pipeline.client, session, bearer())).json()
    missing = await ROUTES["status"](pipeline.client, "0" * 32, bearer(leads=leads))
    response = await ROUTES[route](pipeline.client, session, bearer(leads=leads))
    assert (response.status_code, response.text) == (404, missing.text.replace("0" * 32, session))
    after = (await ROUTES["status"](pipeline.client, session, bearer())).json()
    assert [after[name] for name in ("chunks", "bytes", "created_at")] == [
        before[name] for name in ("chunks", "bytes", "created_at")
    ]
    assert pipeline.leftovers() == []


@pytest.mark.parametrize("leads", [*OTHER_LEADS, *OWN_LEADS], ids=str)
@pytest.mark.parametrize("route", sorted(ROUTES.keys() - {*SESSION_ROUTES, *RESULT_ROUTES, *OTHER_GROUPS_ROUTES}))
async def test_the_routes_of_other_groups_find_no_recording_for_any_caller(
    pipeline: Pipeline, route: str, leads: object
) -> None:
    session = await receiving(pipeline)
    response = await ROUTES[route](pipeline.client, session, bearer(leads=leads))
    assert response.status_code == 404


@pytest.mark.parametrize("leads", OWN_LEADS, ids=str)
async def test_a_caller_with_the_lead_reads_and_deletes_its_session(pipeline: Pipeline, leads: object) -> None:
    session = await stored(pipeline)
    seen = await ROUTES["status"](pipeline.client, session, bearer(leads=leads))
    assert seen.status_code == 200
    assert seen.json()["original"]["download_url"]
    deletion = await ROUTES["deletion"](pipeline.client, session, bearer(leads=leads))
    assert (deletion.status_code, deletion.json()["verified"]) == (200, True)


@pytest.mark.parametrize("leads", OWN_LEADS, ids=str)
@pytest.mark.parametrize("route", OTHER_GROUPS_ROUTES)
async def test_a_caller_with_the_lead_gets_the_other_groups_conflict(
    pipeline: Pipeline, route: str, leads: object
) -> None:
    response = await ROUTES[route](pipeline.client, await receiving(pipeline), bearer(leads=leads))
    assert (response.status_code, response.json()["code"]) == (409, "other_family")


@pytest.mark.parametrize("leads", OTHER_LEADS, ids=str)
async def test_a_session_without_a_lead_is_open_to_every_caller_of_the_tenant(
    pipeline: Pipeline, leads: list[str]
) -> None:
    token = bearer(leads=leads)
    raw = f"raw-{len(leads)}"
    assert (
        await pipeline.client.post(f"/upload_chunk/{raw}", content=tone(1), headers=token | OCTETS)
    ).status_code == 200
    assert (await ROUTES["finalize"](pipeline.client, raw, token)).status_code == 200
    opened = await pipeline.client.post(
        "/upload/init", json={"main_service_file_id": 1, "original_file_name": "a.aac"}, headers=token
    )
    indexed = opened.json()["data"]["upload_session_id"]
    document = f"document-{len(leads)}"
    file = RegisteredDocument(filename="a.aac", object_key="documents/a.aac", size_bytes=1, mime_type="audio/aac")
    metadata = SessionMetadata(purpose=file, opened_at="2026-01-01T00:00:00Z")
    await asyncio.to_thread(pipeline.spool.create_session, SessionKey("default", document), metadata)
    for session in (raw, indexed, document):
        assert (await ROUTES["status"](pipeline.client, session, token)).status_code == 200
        assert (await ROUTES["deletion"](pipeline.client, session, token)).status_code == 200


@pytest.mark.parametrize("route", SESSION_ROUTES)
async def test_the_catalog_alone_is_enough_to_know_the_lead(
    pipeline: Pipeline, nats_url: str, ascending_store_config: StoreConfig, route: str
) -> None:
    session = await append_recording(nats_url, ascending_store_config, LEAD, new_call(), size=3, sha256="0" * 64)
    without_lead, with_lead = [
        await ROUTES[route](pipeline.client, session, bearer(leads=[lead])) for lead in ("8", LEAD)
    ]
    assert (without_lead.status_code, with_lead.status_code) == (404, 200)


@pytest.mark.parametrize("route", SESSION_ROUTES)
async def test_an_event_with_the_lead_is_enough_where_the_recording_has_none(
    pipeline: Pipeline, nats_url: str, ascending_store_config: StoreConfig, route: str
) -> None:
    session = f"scored-{route}"
    failed = AudioFailed(code="x", reason="x", manifest_sha256="0" * 64)
    await append_event(nats_url, ascending_store_config, session, failed, lead=LEAD)
    without_lead, with_lead = [
        await ROUTES[route](pipeline.client, session, bearer(leads=[lead])) for lead in ("8", LEAD)
    ]
    assert (without_lead.status_code, with_lead.status_code) == (404, 200)


async def test_the_failure_event_of_a_recording_names_its_lead(pipeline: Pipeline, bus: Bus) -> None:
    key = SessionKey("default", "other-manifest")
    recording = LeadRecording(lead=LEAD, call_log=new_call(), filename="call.aac")
    manifest = Manifest(
        tenant=key.tenant,
        session=key.session,
        chunks=(),
        request_id="x",
        traceparent=new_trace().traceparent,
        finalized_at="2026-01-01T00:00:00Z",
        purpose=recording,
    )
    directory = pipeline.spool.create_directory(key)
    directory.manifest.write_bytes(dump_manifest(manifest))
    other = SessionFinalized(manifest_sha256="0" * 64, chunks=1, bytes=1)
    await bus.publish(make_envelope("test", key, other, cause="x", trace=new_trace()))
    failed = await until(partial(last_event, bus, key, AudioFailed))
    assert failed is not None
    assert failed.lead == LEAD


async def test_a_raw_chunk_under_a_recordings_id_gives_no_access_to_it(
    pipeline: Pipeline, nats_url: str, ascending_store_config: StoreConfig
) -> None:
    session = await append_recording(nats_url, ascending_store_config, LEAD, new_call(), size=3, sha256="0" * 64)
    token = bearer(leads=["8"])
    assert (await ROUTES["raw chunk"](pipeline.client, session, token)).status_code == 404  # only the catalog has it
    assert (await ROUTES["status"](pipeline.client, session, token)).status_code == 404
    assert (await ROUTES["deletion"](pipeline.client, session, token)).status_code == 404


async def test_an_unfinished_deletion_is_resumed_for_its_lead_only(pipeline: Pipeline) -> None:
    session = await stored(pipeline)
    directory = pipeline.directory(session)
    await asyncio.to_thread(pipeline.spool.begin_deletion, directory, Deletion((), LEAD))
    await asyncio.to_thread(pipeline.spool.delete_files, directory)
    assert (await ROUTES["deletion"](pipeline.client, session, bearer(leads=["8"]))).status_code == 404
    receipt = await ROUTES["deletion"](pipeline.client, session, bearer(leads=[LEAD]))
    assert (receipt.status_code, receipt.json()["verified"]) == (200, True)


async def test_every_event_of_a_recording_names_its_lead_and_no_other_event_does(pipeline: Pipeline, bus: Bus) -> None:
    session = await stored(pipeline)
    await ROUTES["raw chunk"](pipeline.client, "no-leads", bearer())
    await ROUTES["finalize"](pipeline.client, "no-leads", bearer())
    for of, lead in ((session, LEAD), ("no-leads", None)):
        events = await until(partial(last_events, bus, of))
        assert {item.lead for item in events} == {lead}
        await ROUTES["deletion"](pipeline.client, of, bearer())
        gone = await last_event(bus, SessionKey("default", of), SessionDeleted)
        assert gone is not None
        assert gone.lead == lead
