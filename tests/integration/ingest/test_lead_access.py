"""Every door that takes a session's id, before callers who have its lead and callers who do not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import httpx
import pytest

from shared.domain.envelope import Envelope, decode, make_envelope
from shared.domain.events import AudioFailed, AudioReady, ChunkReceived, SessionDeleted, SessionFinalized, SessionOpened
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import Manifest, dump_manifest
from shared.domain.subjects import STREAM, session_filter
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
STRANGERS = [["8"], ["8", "77"], []]
KINDS = {SessionOpened, ChunkReceived, SessionFinalized, AudioReady}
WELCOME = [["7"], [7, "8"], "*", None]

Door = Callable[[httpx.AsyncClient, str, dict[str, str]], Awaitable[httpx.Response]]

DOORS: dict[str, Door] = {
    "status": lambda client, session, token: client.get(f"/sessions/{session}", headers=token),
    "deletion": lambda client, session, token: client.delete(f"/sessions/{session}", headers=token),
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
OF_SESSIONS = ("status", "deletion")  # which answer who has the lead
OTHERS_OF_SESSIONS = ("raw chunk", "raw chunk in a form", "finalize")  # which are for another family's sessions


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
    """Leave a recording with one chunk of it sent; returns its session."""
    client = LeadClient(pipeline.client, lead, bearer())
    session = await client.init(new_call())
    assert (await client.append(session, 0, AAC)).status_code == 202
    return session


async def stored(pipeline: Pipeline, lead: str = LEAD) -> str:
    """Store a recording; returns its session."""
    answer = await LeadClient(pipeline.client, lead, bearer()).upload(AAC, new_call())
    assert answer.status_code == 200, answer.text
    session: str = answer.json()["data"]["session_id"]
    return session


async def all_told_of(bus: Bus, session: str) -> list[Envelope]:
    """Return the last event of each kind that the stream has of a session, once it has been stored."""
    filtered = session_filter(SessionKey("default", session))
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=filtered)
    names = info.state.subjects or {}
    events = [decode((await bus.jetstream.get_last_msg(STREAM, name)).data or b"") for name in names]
    return events if {type(item.event) for item in events} >= KINDS else []


@pytest.mark.parametrize("leads", STRANGERS, ids=str)
@pytest.mark.parametrize("state", [receiving, stored])
@pytest.mark.parametrize("door", [*OF_SESSIONS, *OTHERS_OF_SESSIONS])
async def test_another_leads_session_is_not_found_and_stays_as_it_is(
    pipeline: Pipeline, state: Callable[[Pipeline], Awaitable[str]], door: str, leads: list[str]
) -> None:
    session = await state(pipeline)
    before = (await DOORS["status"](pipeline.client, session, bearer())).json()
    missing = await DOORS["status"](pipeline.client, "0" * 32, bearer(leads=leads))
    answer = await DOORS[door](pipeline.client, session, bearer(leads=leads))
    assert (answer.status_code, answer.text) == (404, missing.text.replace("0" * 32, session))
    after = (await DOORS["status"](pipeline.client, session, bearer())).json()
    assert [after[name] for name in ("chunks", "bytes", "created_at")] == [
        before[name] for name in ("chunks", "bytes", "created_at")
    ]
    assert pipeline.leftovers() == []


@pytest.mark.parametrize("leads", [*STRANGERS, *WELCOME], ids=str)
@pytest.mark.parametrize("door", sorted(DOORS.keys() - set(OF_SESSIONS) - set(OTHERS_OF_SESSIONS)))
async def test_the_doors_of_other_kinds_know_no_recording_whoever_asks(
    pipeline: Pipeline, door: str, leads: object
) -> None:
    session = await receiving(pipeline)
    answer = await DOORS[door](pipeline.client, session, bearer(leads=leads))
    assert answer.status_code == 404


@pytest.mark.parametrize("leads", WELCOME, ids=str)
async def test_who_has_the_lead_sees_and_erases_its_session(pipeline: Pipeline, leads: object) -> None:
    session = await stored(pipeline)
    seen = await DOORS["status"](pipeline.client, session, bearer(leads=leads))
    assert seen.status_code == 200
    assert seen.json()["original"]["download_url"]
    erased = await DOORS["deletion"](pipeline.client, session, bearer(leads=leads))
    assert (erased.status_code, erased.json()["verified"]) == (200, True)


@pytest.mark.parametrize("leads", WELCOME, ids=str)
@pytest.mark.parametrize("door", OTHERS_OF_SESSIONS)
async def test_who_has_the_lead_is_told_of_the_other_family(pipeline: Pipeline, door: str, leads: object) -> None:
    answer = await DOORS[door](pipeline.client, await receiving(pipeline), bearer(leads=leads))
    assert (answer.status_code, answer.json()["code"]) == (409, "other_family")


@pytest.mark.parametrize("leads", STRANGERS, ids=str)
async def test_what_is_of_no_lead_is_every_callers(pipeline: Pipeline, leads: list[str]) -> None:
    token = bearer(leads=leads)
    raw = f"raw-{len(leads)}"
    assert (
        await pipeline.client.post(f"/upload_chunk/{raw}", content=tone(1), headers=token | OCTETS)
    ).status_code == 200
    assert (await DOORS["finalize"](pipeline.client, raw, token)).status_code == 200
    opened = await pipeline.client.post(
        "/upload/init", json={"main_service_file_id": 1, "original_file_name": "a.aac"}, headers=token
    )
    indexed = opened.json()["data"]["upload_session_id"]
    document = f"document-{len(leads)}"
    purpose = RegisteredDocument(filename="a.aac", object_key="documents/a.aac", size_bytes=1, mime_type="audio/aac")
    opening = SessionMetadata(purpose=purpose, opened_at="2026-01-01T00:00:00Z")
    await asyncio.to_thread(pipeline.spool.create_session, SessionKey("default", document), opening)
    for session in (raw, indexed, document):
        assert (await DOORS["status"](pipeline.client, session, token)).status_code == 200
        assert (await DOORS["deletion"](pipeline.client, session, token)).status_code == 200


@pytest.mark.parametrize("door", OF_SESSIONS)
async def test_the_catalog_alone_is_enough_to_know_the_lead(
    pipeline: Pipeline, nats_url: str, ascending_store_config: StoreConfig, door: str
) -> None:
    session = await append_recording(nats_url, ascending_store_config, LEAD, new_call(), size=3, sha256="0" * 64)
    stranger, welcome = [await DOORS[door](pipeline.client, session, bearer(leads=[lead])) for lead in ("8", LEAD)]
    assert (stranger.status_code, welcome.status_code) == (404, 200)


@pytest.mark.parametrize("door", OF_SESSIONS)
async def test_an_event_that_names_the_lead_is_enough_where_the_recording_says_nothing(
    pipeline: Pipeline, nats_url: str, ascending_store_config: StoreConfig, door: str
) -> None:
    session = f"scored-{door}"
    spoilt = AudioFailed(code="x", reason="x", manifest_sha256="0" * 64)
    await append_event(nats_url, ascending_store_config, session, spoilt, lead=LEAD)
    stranger, welcome = [await DOORS[door](pipeline.client, session, bearer(leads=[lead])) for lead in ("8", LEAD)]
    assert (stranger.status_code, welcome.status_code) == (404, 200)


async def test_a_recording_that_can_not_be_assembled_says_its_lead(pipeline: Pipeline, bus: Bus) -> None:
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


async def test_a_raw_chunk_under_a_recordings_id_opens_no_way_to_it(
    pipeline: Pipeline, nats_url: str, ascending_store_config: StoreConfig
) -> None:
    session = await append_recording(nats_url, ascending_store_config, LEAD, new_call(), size=3, sha256="0" * 64)
    token = bearer(leads=["8"])
    assert (
        await DOORS["raw chunk"](pipeline.client, session, token)
    ).status_code == 404  # only the catalog knows of it
    assert (await DOORS["status"](pipeline.client, session, token)).status_code == 404
    assert (await DOORS["deletion"](pipeline.client, session, token)).status_code == 404


async def test_a_deletion_under_way_is_finished_for_its_lead_alone(pipeline: Pipeline) -> None:
    session = await stored(pipeline)
    directory = pipeline.directory(session)
    await asyncio.to_thread(pipeline.spool.begin_deletion, directory, Deletion((), LEAD))
    await asyncio.to_thread(pipeline.spool.delete_files, directory)
    assert (await DOORS["deletion"](pipeline.client, session, bearer(leads=["8"]))).status_code == 404
    receipt = await DOORS["deletion"](pipeline.client, session, bearer(leads=[LEAD]))
    assert (receipt.status_code, receipt.json()["verified"]) == (200, True)


async def test_each_event_of_a_recording_says_its_lead_and_no_other_event_does(pipeline: Pipeline, bus: Bus) -> None:
    session = await stored(pipeline)
    await DOORS["raw chunk"](pipeline.client, "no-leads", bearer())
    await DOORS["finalize"](pipeline.client, "no-leads", bearer())
    for of, lead in ((session, LEAD), ("no-leads", None)):
        events = await until(partial(all_told_of, bus, of))
        assert {item.lead for item in events} == {lead}
        await DOORS["deletion"](pipeline.client, of, bearer())
        gone = await last_event(bus, SessionKey("default", of), SessionDeleted)
        assert gone is not None
        assert gone.lead == lead
