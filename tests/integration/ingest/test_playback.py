"""Plays a stored recording over real HTTP (RFC 9110, sections 8.8, 13 and 14)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.ingest.stored_recordings import path_of, stored_recording
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.waiting import until

CONTENT = encoded("aac")
SIZE = len(CONTENT)
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
LONG = bytes(range(256)) * 4 * 1024 * 10  # 10 MiB


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    async with ingest_running(ingest_settings(tmp_path_factory.mktemp("spool"), nats_url, store_config)) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
async def lead(pipeline: Pipeline) -> LeadClient:
    return LeadClient(pipeline.client)


@pytest.fixture(scope="module")
async def call(lead: LeadClient, nats_url: str, store_config: StoreConfig) -> str:
    return await stored_recording(nats_url, store_config, lead.lead, new_call(), CONTENT)


@pytest.fixture(scope="module")
async def long_call(lead: LeadClient, nats_url: str, store_config: StoreConfig) -> str:
    return await stored_recording(nats_url, store_config, lead.lead, new_call(), LONG)


async def test_a_whole_recording_comes_with_the_headers_that_a_player_needs(lead: LeadClient, call: str) -> None:
    played = await lead.play(call)
    assert (played.status_code, played.content) == (200, CONTENT)
    expected = {
        "content-type": "audio/aac",
        "content-length": str(SIZE),
        "accept-ranges": "bytes",
        "etag": ETAG,
        "content-disposition": 'inline; filename="call.aac"',
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-cache",
    }
    assert {name: played.headers[name] for name in expected} == expected
    assert played.headers["last-modified"].endswith(" GMT")


async def test_head_gives_the_same_headers_without_a_body_and_ignores_ranges(lead: LeadClient, call: str) -> None:
    played, head = await lead.play(call), await lead.play(call, "HEAD", Range="bytes=0-1")
    assert (head.status_code, head.content) == (200, b"")
    ours = {"date", "x-request-id"}
    assert {n: v for n, v in head.headers.items() if n not in ours} == {
        n: v for n, v in played.headers.items() if n not in ours
    }


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-1", 0, 1),
        ("bytes=0-0", 0, 0),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        (f"bytes=-{SIZE + 1}", 0, SIZE - 1),
        ("bytes=100-99999999", 100, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
    ],
)
async def test_a_range_gets_exactly_its_bytes(lead: LeadClient, call: str, asked: str, first: int, last: int) -> None:
    played = await lead.play(call, Range=asked)
    assert (played.status_code, played.content) == (206, CONTENT[first : last + 1])
    assert played.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert played.headers["content-length"] == str(last - first + 1)
    assert played.headers["etag"] == ETAG


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=5-1", "items=0-1", "bytes=", "bytes=" + ",".join(f"{n}-{n}" for n in range(5000))]
)
async def test_malformed_and_several_ranges_get_all_bytes(lead: LeadClient, call: str, asked: str) -> None:
    played = await lead.play(call, Range=asked)
    assert (played.status_code, played.content) == (200, CONTENT)
    assert "content-range" not in played.headers


async def test_ten_thousand_ranges_and_two_range_headers_get_all_bytes(lead: LeadClient, call: str) -> None:
    parts = "bytes=" + ",".join("0-1" for _ in range(10_000))
    for headers in ([("Range", parts)], [("Range", "bytes=0-1"), ("Range", "bytes=2-3")]):
        played = await lead.client.get(f"{lead.path}/{call}", headers=headers)
        assert (played.status_code, played.content) == (200, CONTENT)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0", f"bytes={'9' * 5000}-"])
async def test_a_range_behind_the_end_gets_416_with_the_size(lead: LeadClient, call: str, asked: str) -> None:
    played = await lead.play(call, Range=asked)
    assert (played.status_code, played.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert played.json()["error"]["code"] == "INVALID_RANGE"


async def test_a_current_copy_is_not_sent_again(lead: LeadClient, call: str) -> None:
    date = (await lead.play(call, "HEAD")).headers["last-modified"]
    for headers in ({"If_None_Match": ETAG}, {"If_None_Match": f'"x", W/{ETAG}'}, {"If_Modified_Since": date}):
        for method in ("GET", "HEAD"):
            played = await lead.play(call, method, **headers, Range="bytes=0-1")
            assert (played.status_code, played.content) == (304, b"")
            assert played.headers["etag"] == ETAG
            assert played.headers["cache-control"] == "private, no-cache"
    changed = await lead.play(call, If_None_Match='"other"', If_Modified_Since=date)
    assert (changed.status_code, changed.content) == (200, CONTENT)


async def test_a_range_of_an_outdated_copy_gets_all_bytes(lead: LeadClient, call: str) -> None:
    date = (await lead.play(call, "HEAD")).headers["last-modified"]
    for current in (ETAG, date):
        assert (await lead.play(call, Range="bytes=0-1", If_Range=current)).status_code == 206
    for old in ('"other"', f"W/{ETAG}", "Mon, 27 Jan 2025 12:34:56 GMT"):
        played = await lead.play(call, Range="bytes=0-1", If_Range=old)
        assert (played.status_code, played.content) == (200, CONTENT)


async def test_a_recording_of_many_pieces_is_complete_from_any_offset(lead: LeadClient, long_call: str) -> None:
    assert (await lead.play(long_call)).content == LONG
    middle = await lead.play(long_call, Range="bytes=524287-1048577")
    assert middle.content == LONG[524287:1048578]


async def test_a_client_gets_the_first_bytes_long_before_it_reads_the_last(lead: LeadClient, long_call: str) -> None:
    async with lead.client.stream("GET", f"{lead.path}/{long_call}") as played:
        pieces = played.aiter_raw(1000)
        got = bytearray(await anext(pieces))
        assert (await lead.play(long_call, Range="bytes=0-1")).status_code == 206  # while the first client is slow
        async for piece in pieces:
            got += piece
    assert got == LONG


async def test_a_recording_that_does_not_exist_is_not_found(
    lead: LeadClient, call: str, object_store: RcloneStore, nats_url: str, store_config: StoreConfig
) -> None:
    for method in ("GET", "HEAD"):
        assert (await lead.play(new_call(), method)).status_code == 404
    assert (await LeadClient(lead.client).play(call)).json()["error"]["code"] == "NOT_FOUND"
    gone = await stored_recording(nats_url, store_config, lead.lead, new_call(), b"gone")
    (object_store.bucket_folder / path_of(gone)).unlink()
    await until(lambda: _status_is(lead, gone, 404), what="the object to be gone")
    assert (await lead.play(gone, "HEAD")).status_code == 404


async def _status_is(lead: LeadClient, call: str, status: int) -> bool:
    return (await lead.play(call)).status_code == status


async def test_an_empty_object_is_played_as_an_empty_body(
    lead: LeadClient, nats_url: str, store_config: StoreConfig
) -> None:
    empty = await stored_recording(nats_url, store_config, lead.lead, new_call(), b"")
    played = await lead.play(empty)
    assert (played.status_code, played.content, played.headers["content-length"]) == (200, b"", "0")
    assert (await lead.play(empty, Range="bytes=0-1")).status_code == 416


async def test_a_store_that_fails_in_the_middle_ends_the_connection_and_before_it_gives_503(
    nats_url: str, private_store: RcloneStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = private_store.config("any")
    async with ingest_running(ingest_settings(tmp_path_factory.mktemp("spool"), nats_url, store)) as pipeline:
        lead = LeadClient(pipeline.client)
        long = await stored_recording(nats_url, store, lead.lead, new_call(), LONG * 3)
        reader, writer = await _asking(pipeline, f"{lead.path}/{long}")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        await private_store.kill()
        async with asyncio.timeout(60):
            body = await reader.read()
        assert 0 < len(body) < 3 * len(LONG)
        writer.close()
        assert (await lead.play(long)).status_code == 503


async def _asking(pipeline: Pipeline, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a GET over a connection of its own with a small read buffer."""
    address = urlsplit(str(pipeline.client.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=64 * 1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return reader, writer


async def test_without_the_bus_a_recording_gets_503_with_retry_after(
    private_nats: NatsServer, store_config: StoreConfig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), private_nats.url, store_config)
    async with ingest_running(settings) as pipeline:
        lead = LeadClient(pipeline.client)
        call = await stored_recording(private_nats.url, store_config, lead.lead, new_call(), CONTENT)
        assert (await lead.play(call)).content == CONTENT
        await private_nats.stop()
        await until(lambda: _status_is(lead, call, 503), what="ingest to notice that the bus is away")
        rejected = await lead.play(call)
        assert rejected.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
        assert int(rejected.headers["retry-after"]) > 0
