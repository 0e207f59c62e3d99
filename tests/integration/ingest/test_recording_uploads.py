"""Uploads of recordings on real engines: each kind of upload, and what is stored."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded, samples_of, strength
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.pipeline import (
    Pipeline,
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        assembler_running(assembler_settings(spool, nats_url, store_config)),
        ingest_running(ingest_settings(spool, nats_url, store_config)) as pipeline,
    ):
        yield pipeline


@pytest.fixture
def lead(pipeline: Pipeline) -> LeadClient:
    return LeadClient(pipeline.client)


def pieces_of(content: bytes, count: int) -> list[bytes]:
    size = -(-len(content) // count)
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize(("kind", "media_type"), [("aac", "audio/aac"), ("mp3", "audio/mpeg"), ("m4a", "audio/mp4")])
async def test_all_three_kinds_of_upload_store_the_same_original_with_its_type(
    lead: LeadClient, store_config: StoreConfig, kind: str, media_type: str
) -> None:
    content, filename = encoded(kind), f"call.{kind}"
    calls = [new_call() for _ in range(3)]
    responses = [await lead.upload(content, calls[0], filename=filename)]
    for call, append in ((calls[1], lead.append), (calls[2], lead.append_form)):
        upload_id = await lead.init(call, filename)
        for index, piece in reversed(list(enumerate(pieces_of(content, 3)))):
            assert (await append(upload_id, index, piece)).status_code == 202
        responses.append(await lead.finalize(upload_id, 3, call))
    for call, response in zip(calls, responses, strict=True):
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        assert (data["id"], data["message"]) == (call, "Recording uploaded successfully")
        assert re.fullmatch(rf"recordings/{call}_1[0-9]{{9}}\.{kind}", data["recording_path"])
        assert await download(store_config, data["recording_path"]) == content
        played = await lead.play(call)
        assert (played.status_code, played.content) == (200, content)
        assert played.headers["content-type"] == media_type
        assert played.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'


async def test_a_wav_is_made_beside_the_original(
    lead: LeadClient, pipeline: Pipeline, store_config: StoreConfig
) -> None:
    data = (await lead.upload(encoded("mp3"), new_call(), filename="call.mp3")).json()["data"]
    status = (await pipeline.client.get(data["status_url"])).json()
    assert status["state"] == "ready"
    assert status["original"]["sha256"] == hashlib.sha256(encoded("mp3")).hexdigest()
    assert strength(samples_of(await download(store_config, status["audio"]["filename"]))) > 0.9


async def test_append_returns_the_totals_and_counts_a_chunk_once(lead: LeadClient) -> None:
    content = encoded("aac")
    upload_id = await lead.init(new_call())
    first = await lead.append(upload_id, 0, content[:5000])
    assert (first.status_code, first.json()) == (
        202,
        {"data": {"upload_id": upload_id, "chunks_received": 1, "total_size": 5000}},
    )
    assert (await lead.append_form(upload_id, 0, content[:5000])).json() == first.json()
    other = await lead.append(upload_id, 0, content[:5000][::-1])
    assert other.status_code == 400  # not the signature of AAC
    assert (await lead.append(upload_id, 0, content[:4999])).status_code == 409
    second = await lead.append_form(upload_id, 2, content[7000:7100])
    assert second.json()["data"] == {"upload_id": upload_id, "chunks_received": 2, "total_size": 5100}


async def test_a_form_s_fields_come_in_any_order_and_the_file_under_either_name(lead: LeadClient) -> None:
    content, call = encoded("aac"), new_call()
    upload_id = await lead.init(call)
    parts = {
        "action": b"append",
        "upload_id": upload_id.encode(),
        "chunk_index": b"0",
        "file": content,
    }
    assert (await post_parts(lead, ["file", "chunk_index", "upload_id", "action"], parts)) == 202
    assert (await lead.finalize(upload_id, 1, call)).status_code == 200
    whole = {"call_log_id": new_call().encode(), "file": content}
    assert (await post_parts(lead, ["file", "call_log_id"], whole)) == 200
    assert (await post_parts(lead, ["call_log_id", "file"], whole)) == 200
    renamed = {"call_log_id": new_call().encode(), "chunk": content}
    assert (await post_parts(lead, ["chunk", "call_log_id"], renamed)) == 200


async def post_parts(lead: LeadClient, order: list[str], parts: dict[str, bytes]) -> int:
    """Send a form with its parts in this order; returns the status."""
    body = b""
    for name in order:
        filename = '; filename="call.aac"' if name in {"file", "chunk"} else ""
        head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
        body += head.encode() + parts[name] + b"\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    response = await lead.client.post(lead.path, content=body + b"--xyz--\r\n", headers=headers)
    return response.status_code


async def test_repeated_and_concurrent_finalizes_return_the_first_path(
    lead: LeadClient, store_config: StoreConfig
) -> None:
    call = new_call()
    upload_id = await lead.init(call)
    await lead.append(upload_id, 0, encoded("aac"))
    responses = await asyncio.gather(*(lead.finalize(upload_id, 1, call) for _ in range(10)))
    responses.append(await lead.finalize(upload_id, 1, call))
    assert {response.status_code for response in responses} == {200}
    paths = {response.json()["data"]["recording_path"] for response in responses}
    assert len(paths) == 1
    assert await download(store_config, paths.pop()) == encoded("aac")


async def test_a_later_upload_is_played_instead_and_each_keeps_its_path(
    lead: LeadClient, store_config: StoreConfig
) -> None:
    call = new_call()
    first = await lead.upload(encoded("aac", 1.0), call)
    second = await lead.upload(encoded("mp3", 1.0), call, filename="better.mp3")
    played = await lead.play(call)
    assert (played.content, played.headers["content-type"]) == (encoded("mp3", 1.0), "audio/mpeg")
    assert await download(store_config, first.json()["data"]["recording_path"]) == encoded("aac", 1.0)
    assert await download(store_config, second.json()["data"]["recording_path"]) == encoded("mp3", 1.0)


async def test_uploads_for_one_call_within_a_second_get_paths_of_their_own(
    lead: LeadClient, store_config: StoreConfig
) -> None:
    call = new_call()
    contents = [encoded("aac", seconds) for seconds in (0.5, 0.6, 0.7, 0.8)]
    responses = await asyncio.gather(*(lead.upload(content, call) for content in contents))
    paths = [response.json()["data"]["recording_path"] for response in responses]
    assert len(set(paths)) == 4
    assert [await download(store_config, path) for path in paths] == contents


async def test_a_file_with_a_recordings_name_and_signature_is_stored_though_no_wav_can_be_made(
    lead: LeadClient,
) -> None:
    broken = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(2000)
    response = await lead.upload(broken, (call := new_call()), filename="call.wav")
    assert response.status_code == 200, response.text
    assert (await lead.play(call)).content == broken
    status = (await lead.client.get(response.json()["data"]["status_url"])).json()
    assert status["state"] == "failed"


async def test_a_caller_that_does_not_wait_gets_the_path_and_the_status_url(lead: LeadClient) -> None:
    response = await lead.upload(encoded("aac"), (call := new_call()), Prefer="respond-async")
    body = response.json()
    assert response.status_code == 202
    assert body["status"] == "processing"
    assert body["status_url"] == response.headers["location"] == f"/sessions/{body['session_id']}"
    assert body["data"]["id"] == call
    assert body["data"]["recording_path"].startswith(f"recordings/{call}_")


async def test_an_uppercase_uuid_is_the_same_call(lead: LeadClient) -> None:
    call = new_call()
    response = await lead.upload(encoded("aac"), call.upper())
    assert response.json()["data"]["id"] == call
    assert (await lead.play(call.upper())).content == encoded("aac")


async def test_the_filename_is_stored_in_a_safe_form(lead: LeadClient) -> None:
    call = new_call()
    await lead.upload(encoded("aac"), call, filename="../../é\u202eto go.AAC")
    (row,) = (await lead.list()).json()["data"]
    assert row["filename"] == "éto_go.AAC"
    assert row["recording_path"].endswith(".aac")
    disposition = (await lead.play(call)).headers["content-disposition"]
    assert disposition == "inline; filename=\"_to_go.AAC\"; filename*=UTF-8''%C3%A9to_go.AAC"
