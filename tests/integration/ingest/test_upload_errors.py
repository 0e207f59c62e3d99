"""Rejected requests of indexed uploads: their errors, and that they leave no files; without a bus or a store."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.storage.settings import StoreConfig
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import ingest_running, ingest_settings
from tests.tokens import bearer, token_settings

NOWHERE = "nats://127.0.0.1:1"
MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=xyz"}
PATHS = ("/upload/init", "/upload/chunk", "/upload/complete")


@pytest.fixture(scope="module")
async def uploader(tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig) -> AsyncIterator[Uploader]:
    settings = ingest_settings(
        tmp_path_factory.mktemp("spool"), NOWHERE, store_config, body_idle_seconds=0.5, finalize_wait_seconds=0.2
    )
    async with ingest_running(settings) as pipeline:
        yield Uploader(pipeline)


def assert_error(response: httpx.Response, status: int) -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"status", "message", "code", "data"}
    assert (body["status"], body["data"]) == ("error", None)
    assert len(body["message"]) > 10


def part(name: str, value: str | bytes, filename: str = "") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    content = value.encode() if isinstance(value, str) else value
    return f'--xyz\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


async def send_form(uploader: Uploader, *parts: bytes) -> httpx.Response:
    body = b"".join(parts) + b"--xyz--\r\n"
    return await uploader.pipeline.client.post("/upload/chunk", content=body, headers=FORM)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"main_service_file_id":1}',
        b'{"original_file_name":"a.mp3"}',
        b'{"main_service_file_id":1,"original_file_name":"a.mp3"',
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b'{"main_service_file_id":' + b"9" * 6000 + b',"original_file_name":"a.mp3"}',
        b'{"main_service_file_id":NaN,"original_file_name":"a.mp3"}',
        b'{"main_service_file_id":1,"original_file_name":"\\ud800"}',
    ],
)
async def test_malformed_json_and_bad_members_get_400(body: bytes, uploader: Uploader) -> None:
    before = sorted(uploader.pipeline.spool.root.rglob("*"))
    for path in ("/upload/init", "/upload/complete"):
        assert_error(await uploader.pipeline.client.post(path, content=body, headers=JSON), 400)
    assert sorted(uploader.pipeline.spool.root.rglob("*")) == before


async def test_json_over_64_kib_gets_413(uploader: Uploader) -> None:
    for path in ("/upload/init", "/upload/complete"):
        response = await uploader.pipeline.client.post(path, content=b" " * 70_000 + b"{}", headers=JSON)
        assert_error(response, 413)


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {}, {**JSON, "Content-Encoding": "gzip"}])
async def test_a_body_that_is_neither_json_nor_a_form_gets_415(headers: dict[str, str], uploader: Uploader) -> None:
    for path in PATHS:
        assert_error(await uploader.pipeline.client.post(path, content=b"{}", headers=headers), 415)


@pytest.mark.parametrize("bad", [True, False, 1.5, "1", None, -1, 2**63, 10**30, [1], {}])
async def test_a_file_id_is_an_integer_and_nothing_that_looks_like_one(bad: object, uploader: Uploader) -> None:
    upload = await uploader.opened()
    assert_error(await uploader.init(bad), 400)
    assert_error(await uploader.complete(upload, 1, bad), 400)


@pytest.mark.parametrize("good", [0, 1, 1.0, 2**63 - 1])  # JSON does not distinguish 1 and 1.0
async def test_every_63_bit_integer_is_a_file_id(good: float, uploader: Uploader) -> None:
    assert (await uploader.init(good)).status_code == 200


@pytest.mark.parametrize("bad", [True, 1.5, "1", None, 0, -1, 10**9, 10_000_001, 10**30])
async def test_total_chunks_is_an_integer_up_to_ten_million(bad: object, uploader: Uploader) -> None:
    upload = await uploader.uploaded(b"xx")
    assert_error(await uploader.complete(upload, bad), 400)
    assert uploader.pipeline.directory(upload).read_manifest() is None


@pytest.mark.parametrize("bad", ["", "/", "../..", "\x00", "\u202e", "a" * 4097, "/" * 4096, "...", 7, None, ["a"]])
async def test_a_filename_without_letters_and_digits_is_rejected(bad: object, uploader: Uploader) -> None:
    before = sorted(uploader.pipeline.spool.root.rglob("*"))
    assert_error(await uploader.init(name=bad), 400)
    assert sorted(uploader.pipeline.spool.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/call.mp3", "call.mp3"),
        ("C:\\calls\\call.mp3", "call.mp3"),
        ("call\x00\r\n.mp3", "call.mp3"),
        ("call\u202e3pm.exe", "call3pm.exe"),
        ("a" * 4000 + ".mp3", "a" * 251 + ".mp3"),
        ("звонок.mp3", "звонок.mp3"),
    ],
)
async def test_a_filename_is_reduced_to_a_safe_one(given: str, kept: str, uploader: Uploader) -> None:
    upload = await uploader.opened(name=given)
    await uploader.chunk(upload, 0, b"xx")
    assert (await uploader.complete(upload, 1)).status_code == 202
    stored = uploader.pipeline.directory(upload).read_manifest()
    assert stored is not None
    assert stored.manifest.original is not None
    assert stored.manifest.original.object_key == f"uploads/{upload}/{kept}"


@pytest.mark.parametrize("bad", ["-1", "1e9", "10000000", "1000000000", "１", "0x1", "01", " 1", "1.0", "", "true"])
async def test_a_malformed_index_is_rejected_before_and_after_the_file(bad: str, uploader: Uploader) -> None:
    upload = await uploader.opened()
    file, session, index = part("chunk", b"xx", "a"), part("upload_session_id", upload), part("chunk_index", bad)
    assert_error(await send_form(uploader, session, index, file), 400)
    assert_error(await send_form(uploader, file, session, index), 400)
    assert uploader.pipeline.directory(upload).chunk_sizes() == {}
    assert uploader.pipeline.leftovers() == []


async def test_a_form_with_a_missing_or_duplicate_field_is_rejected(uploader: Uploader) -> None:
    upload = await uploader.opened()
    file, session, index = part("chunk", b"xx", "a"), part("upload_session_id", upload), part("chunk_index", "0")
    other = part("upload_session_id", await uploader.opened())
    for parts in (
        [session, index],
        [session, file],
        [index, file],
        [file],
        [],
        [session, index, file, file],
        [session, index, part("chunk_index", "1"), file],
        [session, index, file, part("chunk_index", "1")],
        [session, other, index, file],
        [session, index, file, other],
        [part("upload_session_id", b"\xff\xfe"), index, file],
    ):
        assert_error(await send_form(uploader, *parts), 400)
    assert uploader.pipeline.directory(upload).chunk_sizes() == {}
    assert uploader.pipeline.leftovers() == []
    assert (await send_form(uploader, session, session, index, file, index)).status_code == 200


async def test_an_empty_chunk_takes_its_index(uploader: Uploader) -> None:
    upload = await uploader.opened()
    session = part("upload_session_id", upload)
    for index, content in enumerate((b"ab", b"", b"cd")):
        sent = await send_form(uploader, session, part("chunk_index", str(index)), part("chunk", content, "a"))
        assert sent.status_code == 200
    assert uploader.pipeline.directory(upload).chunk_sizes() == {0: 2, 1: 0, 2: 2}
    assert (await uploader.complete(upload, 3)).status_code == 202


async def test_an_unknown_upload_gets_404_and_a_malformed_id_400_before_and_after_the_file(uploader: Uploader) -> None:
    file, index = part("chunk", b"xx", "a"), part("chunk_index", "0")
    for bad, status in (("unknown", 404), ("0" * 32, 404), ("../x", 400), ("", 400), ("a" * 129, 400), ("a.b", 400)):
        session = part("upload_session_id", bad)
        assert_error(await send_form(uploader, session, index, file), status)
        assert_error(await send_form(uploader, file, index, session), status)
        assert_error(await uploader.complete(bad, 1), status)
        assert not (uploader.pipeline.spool.root / "default" / "unknown").exists()
    assert uploader.pipeline.leftovers() == []


async def test_an_unknown_upload_is_rejected_before_the_file_has_arrived(uploader: Uploader) -> None:
    head = part("upload_session_id", "unknown") + part("chunk_index", "0")
    file = part("chunk", b"the first bytes", "a")[:-2]
    response = await begin(uploader, f"Content-Length: {10 * MIB}\r\n", head + file)
    assert response.startswith(b"HTTP/1.1 404")
    assert uploader.pipeline.leftovers() == []


async def test_the_same_chunk_again_is_the_same_success_and_other_bytes_are_rejected(uploader: Uploader) -> None:
    upload = await uploader.opened()
    first = await uploader.chunk(upload, 0, b"one")
    again = await uploader.chunk(upload, 0, b"one")
    assert (again.status_code, again.json()) == (200, first.json())
    assert_error(await uploader.chunk(upload, 0, b"two"), 409)
    assert uploader.pipeline.directory(upload).chunk(0).read_bytes() == b"one"


async def test_a_chunk_may_have_16_mib_and_not_one_byte_more(uploader: Uploader) -> None:
    upload = await uploader.opened()
    assert (await uploader.chunk(upload, 0, bytes(16 * MIB))).status_code == 200
    assert_error(await uploader.chunk(upload, 1, bytes(16 * MIB + 1)), 413)
    declared = await begin(uploader, f"Content-Length: {17 * MIB}\r\nExpect: 100-continue\r\n")
    assert declared.startswith(b"HTTP/1.1 413")
    assert list(uploader.pipeline.directory(upload).chunk_sizes()) == [0]
    assert uploader.pipeline.leftovers() == []


async def test_a_sender_that_stalls_inside_a_chunk_gets_408(uploader: Uploader) -> None:
    upload = await uploader.opened()
    head = part("upload_session_id", upload) + part("chunk_index", "0") + part("chunk", b"the first bytes", "a")[:-2]
    assert (await begin(uploader, "Content-Length: 100000\r\n", head)).startswith(b"HTTP/1.1 408")
    assert uploader.pipeline.leftovers() == []


async def test_complete_without_chunks_gets_400(uploader: Uploader) -> None:
    assert_error(await uploader.complete(await uploader.opened(), 1), 400)


async def test_a_session_of_one_api_group_is_rejected_by_the_other(uploader: Uploader) -> None:
    upload = await uploader.uploaded(b"xx")
    assert (await uploader.pipeline.send(upload, b"xx", chunk_index=1)).status_code == 409
    assert (await uploader.pipeline.finalize(upload)).status_code == 409
    await uploader.pipeline.send("raw", b"xx")
    assert_error(await uploader.chunk("raw", 1, b"xx"), 404)
    assert_error(await uploader.complete("raw", 1), 404)


async def test_an_upload_continues_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), NOWHERE, store_config, finalize_wait_seconds=0.2)
    async with ingest_running(settings) as pipeline:
        upload = await Uploader(pipeline).uploaded(b"xx")
    async with ingest_running(settings) as pipeline:
        assert (await Uploader(pipeline).chunk(upload, 1, b"yy")).status_code == 200
        assert (await Uploader(pipeline).complete(upload, 2)).status_code == 202


async def test_with_a_key_configured_a_token_is_needed_and_tenants_see_only_their_own(
    tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig
) -> None:
    spool = tmp_path_factory.mktemp("spool")
    settings = ingest_settings(spool, NOWHERE, store_config, finalize_wait_seconds=0.2, **token_settings())
    async with ingest_running(settings) as pipeline:
        for path in PATHS:
            response = await pipeline.client.post(path)
            assert_error(response, 401)
            assert response.headers["www-authenticate"] == "Bearer"
            narrow = await pipeline.client.post(path, headers=bearer(scope="audio:read events:read"))
            assert_error(narrow, 403)
            assert narrow.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="audio:write"'
        acme, other = (Uploader(pipeline, bearer(tenant_id=tenant)) for tenant in ("acme", "other"))
        upload = await acme.uploaded(b"xx")
        for response, missing in (
            (await other.chunk(upload, 1, b"yy"), await other.chunk("0" * 32, 1, b"yy")),
            (await other.complete(upload, 1), await other.complete("0" * 32, 1)),
        ):
            assert_error(response, 404)
            assert response.text == missing.text
        assert (await acme.complete(upload, 1)).status_code == 202
    assert not (spool / "other").exists()


async def begin(uploader: Uploader, headers: str, body: bytes = b"") -> bytes:
    """Send the beginning of a chunk and nothing more; returns the response."""
    client = uploader.pipeline.client
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    head = f"POST /upload/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM['Content-Type']}\r\n{headers}\r\n"
    writer.write(head.encode() + body)
    try:
        return await asyncio.wait_for(reader.read(65_536), 10)
    finally:
        writer.close()


async def test_no_error_response_repeats_what_was_sent(uploader: Uploader) -> None:
    body = json.dumps({"main_service_file_id": "sensitive", "original_file_name": 5, "sensitive": "sensitive"})
    response = await uploader.pipeline.client.post("/upload/init", content=body, headers=JSON)
    assert_error(response, 400)
    assert "sensitive" not in response.text
