"""Rejected requests of call recordings: their errors, and that they leave no files behind."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.lead_client import LeadClient, assert_error, new_call
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings
from tests.waiting import until

NOWHERE = "nats://127.0.0.1:1"
MIB = 1024 * 1024
LIMIT = 100_000
AAC = encoded("aac")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(10_000)


@pytest.fixture(scope="module")
async def pipeline(tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(
        tmp_path_factory.mktemp("spool"),
        NOWHERE,
        store_config,
        max_chunk_size=LIMIT,
        max_session_size=3 * LIMIT,
        body_idle_seconds=0.3,
        **token_settings(),
    )
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture
def lead(pipeline: Pipeline) -> LeadClient:
    return LeadClient(pipeline.client, headers=bearer())


def everything(pipeline: Pipeline) -> list[str]:
    return sorted(str(path) for path in pipeline.spool.root.rglob("*"))


@pytest.mark.parametrize(
    "bad",
    [
        *("", "x", "0", "123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}"),
        *("urn:uuid:123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400g"),
        *("123e4567-e89b-12d3-a456-4266141740000", "123e4567-e89b-12d3-a456-426614174000\n", "../../../etc/passwd"),
        *("１23e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400\x00", "*", ">"),
    ],
)
async def test_a_call_log_id_that_is_no_uuid_is_rejected(pipeline: Pipeline, lead: LeadClient, bad: str) -> None:
    before = everything(pipeline)
    assert_error(await lead.upload(AAC, bad), 400, "VALIDATION_ERROR")
    assert_error(await lead.json("init", filename="call.aac", call_log_id=bad), 400, "VALIDATION_ERROR")
    assert everything(pipeline) == before


@pytest.mark.parametrize("bad", ["..", "%2e%2e%2f", "a%00b", "*", ">", "a/b", "a.b", "x" * 129, "%D1%8F", ""])
async def test_a_malformed_lead_or_recording_id_is_rejected(pipeline: Pipeline, lead: LeadClient, bad: str) -> None:
    before = everything(pipeline)
    assert await raw_status(pipeline, lead, "POST", f"/api/leads/{bad}/recordings") == 400
    assert await raw_status(pipeline, lead, "GET", f"/api/leads/{bad}/recordings/{new_call()}") == 400
    if bad:  # without an id it would be the list's path with an extra slash
        assert await raw_status(pipeline, lead, "GET", f"/api/leads/7/recordings/{bad}") == 400
    assert everything(pipeline) == before


async def raw_status(pipeline: Pipeline, lead: LeadClient, method: str, path: str) -> int:
    """Send a path unchanged, which HTTP clients would normalize."""
    address = urlsplit(str(pipeline.client.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    token = lead.headers["Authorization"]
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n"
    writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    return int(status.split()[1])


@pytest.mark.parametrize(
    "bad",
    [
        *("", "call", "call.txt", "call.aac.exe", ".aac.", "/", "call.aac/", "\x00", "\u202e", "aac", "...."),
        *("x" * 4097 + ".aac", "x" * 10_000),
    ],
)
async def test_a_filename_without_an_audio_extension_is_rejected(
    pipeline: Pipeline, lead: LeadClient, bad: str
) -> None:
    before = everything(pipeline)
    assert_error(await lead.json("init", filename=bad, call_log_id=new_call()), 400, "VALIDATION_ERROR")
    assert everything(pipeline) == before


@pytest.mark.parametrize("name", ["x" * 4000 + ".aac", "../../call.aac", "..\\call.aac", "a\x00b\u202e.aac", "é.AAC"])
async def test_a_long_or_strange_filename_is_made_safe(lead: LeadClient, name: str) -> None:
    assert (await lead.json("init", filename=name, call_log_id=new_call())).status_code == 201


@pytest.mark.parametrize(
    "content", [PICTURE, b"#EXTM3U\nhttp://x/", b"\x00" * 5000, encoded("mp3"), encoded("wav"), b"x"]
)
@pytest.mark.parametrize("first", ["call_log_id", "file"])
async def test_bytes_that_do_not_match_the_extension_are_rejected(
    pipeline: Pipeline, lead: LeadClient, content: bytes, first: str
) -> None:
    before = everything(pipeline)
    call = ("call_log_id", (None, new_call().encode()))
    file = ("file", ("call.aac", content))
    response = await lead.client.post(
        lead.path, files=[call, file] if first == "call_log_id" else [file, call], headers=lead.headers
    )
    assert_error(response, 400, "VALIDATION_ERROR")
    assert everything(pipeline) == before


async def test_bytes_that_do_not_match_are_rejected_before_the_rest_is_sent(
    pipeline: Pipeline, lead: LeadClient
) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="call_log_id"\r\n\r\n' + new_call().encode()
    body += b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="call.aac"\r\n\r\n' + PICTURE
    response = await send_beginning(lead, "multipart/form-data; boundary=x", body)
    assert response.startswith(b"HTTP/1.1 400")
    assert b"VALIDATION_ERROR" in response
    assert pipeline.leftovers() == []


async def test_large_json_over_the_memory_budget_is_rejected_before_it_is_read(
    tmp_path: Path, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path, NOWHERE, store_config, max_chunk_size=64 * MIB, **token_settings())
    async with ingest_running(settings) as pipeline:
        lead = LeadClient(pipeline.client, headers=bearer())
        first = await open_upload(lead, "application/json", 80 * MIB, b'{"action":')
        second = await open_upload(lead, "application/json", 80 * MIB, b"")
        assert (await asyncio.wait_for(second[0].readline(), 10)).startswith(b"HTTP/1.1 503")
        upload_id = await lead.init(new_call())  # small bodies are accepted
        assert (await lead.append_form(upload_id, 0, AAC)).status_code == 202  # and so are forms
        for _, writer in (first, second):
            writer.close()
        await until(lambda: _takes_json(lead, upload_id), what="the first request's memory to be free again")


async def _takes_json(lead: LeadClient, upload_id: str) -> bool:
    return (await lead.append(upload_id, 1, bytes(50 * MIB))).status_code == 202


async def open_upload(
    lead: LeadClient, content_type: str, size: int, body: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a head with Content-Length `size` and the beginning of its body over a connection of its own."""
    reader, writer = await asyncio.open_connection(lead.client.base_url.host, lead.client.base_url.port)
    head = f"POST {lead.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\nContent-Type: {content_type}\r\n"
    writer.write(f"{head}Authorization: {lead.headers['Authorization']}\r\n\r\n".encode() + body)
    return reader, writer


async def send_beginning(lead: LeadClient, content_type: str, body: bytes) -> bytes:
    """Send the beginning of a body and nothing more; returns the response."""
    reader, writer = await open_upload(lead, content_type, 150_000, body)
    try:
        return await asyncio.wait_for(reader.read(65_536), 10)
    finally:
        writer.close()


async def test_bytes_that_do_not_match_at_finalize_leave_the_upload_open(lead: LeadClient) -> None:
    upload_id = await lead.init(call := new_call())
    assert (await lead.append(upload_id, 1, bytes(5000))).status_code == 202
    assert_error(await lead.finalize(upload_id, 2, call), 409, "CONFLICT")  # a gap
    assert (await lead.append(upload_id, 0, b"not AAC at all")).status_code == 202  # too short for a signature
    assert_error(await lead.finalize(upload_id, 2, call), 400, "VALIDATION_ERROR")
    assert (await lead.append(upload_id, 2, b"more")).status_code == 202
    assert_error(await lead.append(await lead.init(call), 0, PICTURE), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "bad",
    ["!!!!", "QUJD\n", "QU JD", "QUJ", "QUJD=", "=QUJD", "QU==JD==", "data:audio/aac;base64,QUJD", "QUJ_", "я"],
)
async def test_a_chunk_that_is_not_plain_base64_is_rejected(pipeline: Pipeline, lead: LeadClient, bad: str) -> None:
    upload_id = await lead.init(new_call())
    before = everything(pipeline)
    response = await lead.json("append", upload_id=upload_id, chunk_index=0, chunk=bad)
    assert_error(response, 400, "VALIDATION_ERROR")
    assert everything(pipeline) == before


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"[]", b'"init"', b"{}", b'{"action":"burn"}', b'{"action":null}', b'{"action":"init"}'),
        *(b"[" * 50_000, b'{"a":' * 30_000, b"\xff\xfe", b'{"action":"append"}', b'{"action":"finalize"}'),
        json.dumps({"action": "finalize", "upload_id": "x", "total_chunks": 10**9, "call_log_id": new_call()}).encode(),
        json.dumps({"action": "finalize", "upload_id": "x", "total_chunks": "1", "call_log_id": new_call()}).encode(),
        json.dumps({"action": "finalize", "upload_id": "../x", "total_chunks": 1, "call_log_id": new_call()}).encode(),
        json.dumps({"action": "append", "upload_id": "x", "chunk_index": -1, "chunk": "QUJD"}).encode(),
        json.dumps({"action": "append", "upload_id": "x", "chunk_index": 0, "chunk": ["QUJD"]}).encode(),
    ],
)
async def test_malformed_json_and_unknown_actions_are_rejected(
    pipeline: Pipeline, lead: LeadClient, body: bytes
) -> None:
    before = everything(pipeline)
    headers = {**lead.headers, "Content-Type": "application/json"}
    assert_error(await lead.client.post(lead.path, content=body, headers=headers), 400, "VALIDATION_ERROR")
    assert everything(pipeline) == before


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"call_log_id": new_call()}, []),
        ({}, ["file"]),
        ({"action": "append", "chunk_index": "0"}, ["chunk"]),
        ({"action": "append", "upload_id": "x"}, ["chunk"]),
        ({"action": "append", "upload_id": "../x", "chunk_index": "0"}, ["chunk"]),
        ({"action": "append", "upload_id": "x", "chunk_index": "01"}, ["chunk"]),
        ({"action": "burn", "call_log_id": new_call()}, ["file"]),
        ({"action": "", "call_log_id": new_call()}, ["file"]),
        ({"action": "finalize", "call_log_id": new_call()}, ["file"]),
        ({"call_log_id": new_call()}, ["file", "file"]),
        ({"call_log_id": new_call()}, ["file", "chunk"]),
        ({"call_log_id": [new_call(), new_call()]}, ["file"]),
    ],
)
async def test_a_form_with_missing_or_duplicate_fields_is_rejected(
    pipeline: Pipeline, lead: LeadClient, fields: dict[str, str], names: list[str]
) -> None:
    before = everything(pipeline)
    files = [(name, ("call.aac", AAC)) for name in names] or [("other", ("call.aac", AAC))]
    response = await lead.client.post(lead.path, data=fields, files=files, headers=lead.headers)
    assert_error(response, 400, "VALIDATION_ERROR")
    assert everything(pipeline) == before


async def test_each_size_limit_is_named_in_its_rejection(pipeline: Pipeline, lead: LeadClient) -> None:
    upload_id = await lead.init(new_call())
    before = everything(pipeline)
    large, whole = bytes(LIMIT + 1), AAC + bytes(3 * LIMIT)
    assert_error(await lead.append(upload_id, 1, large), 413, "PAYLOAD_TOO_LARGE")
    assert_error(await lead.append_form(upload_id, 1, large), 413, "PAYLOAD_TOO_LARGE")
    file_first: dict[str, tuple[str | None, bytes]] = {
        "chunk": ("x", large),
        "action": (None, b"append"),
        "upload_id": (None, upload_id.encode()),
        "chunk_index": (None, b"1"),
    }
    assert_error(await lead.client.post(lead.path, files=file_first, headers=lead.headers), 413, "PAYLOAD_TOO_LARGE")
    assert_error(await lead.upload(whole, new_call()), 413, "PAYLOAD_TOO_LARGE")
    assert_error(await lead.json("append", chunk="A" * 10 * LIMIT), 413, "PAYLOAD_TOO_LARGE")
    assert everything(pipeline) == before
    assert (await lead.append(upload_id, 1, large[:-1])).status_code == 202


async def test_other_content_types_and_encodings_are_rejected(lead: LeadClient) -> None:
    for headers in ({"Content-Type": "audio/aac"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}):
        response = await lead.client.post(lead.path, content=AAC, headers={**lead.headers, **headers})
        assert_error(response, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_body_that_stops_arriving_gets_408(pipeline: Pipeline, lead: LeadClient) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="call.aac"\r\n\r\n' + AAC
    for content_type, body in (("application/json", b'{"action":'), ("multipart/form-data; boundary=x", form)):
        response = await send_beginning(lead, content_type, body)
        assert response.startswith(b"HTTP/1.1 408")
        assert b"REQUEST_TIMEOUT" in response
    assert pipeline.leftovers() == []


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"limit": "-1"}, {"cursor": "?"}])
async def test_a_bad_limit_or_cursor_is_rejected(lead: LeadClient, query: dict[str, str]) -> None:
    assert_error(await lead.list(**query), 400, "VALIDATION_ERROR")


async def test_a_long_chunk_in_json_is_stored_unchanged(pipeline: Pipeline, lead: LeadClient) -> None:
    upload_id = await lead.init(new_call())
    content = bytes(range(256)) * 390
    text = base64.b64encode(content).decode()
    response = await lead.json("append", upload_id=upload_id, chunk_index=3, chunk=text)
    assert response.json()["data"]["total_size"] == len(content)
    assert pipeline.directory(upload_id).chunk(3).read_bytes() == content
