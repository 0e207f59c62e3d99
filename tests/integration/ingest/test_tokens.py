"""Forged, foreign and valid tokens on the real routes."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.pipeline import OCTETS, Pipeline, ingest_running, ingest_settings
from tests.integration.shared.hostile_tokens import CASES, RS256, Case, Headers, bearing, signed
from tests.tokens import AUDIENCE, bearer, good_claims, mint, token_settings

NOWHERE = "nats://127.0.0.1:1"
NO_TOKEN = {
    f"form: {place}"
    for place in ("no header", "another header", "proxy's header", "a cookie", "subprotocols on plain HTTP")
}


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), nats_url, store_config, **token_settings())
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
async def generic_response(pipeline: Pipeline) -> bytes:
    """The response to a caller without a token."""
    return (await pipeline.client.get("/sessions/x")).content


async def ask(pipeline: Pipeline, headers: Headers, request: bytes = b"GET /sessions/x") -> tuple[int, bytes, bytes]:
    """Send raw headers over a connection of its own; returns status, head and body."""
    address = urlsplit(str(pipeline.client.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"\r\n".join([request + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *headers, b"", b""]))
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split(b" ")[1]), head.lower(), body


@pytest.mark.parametrize("case", CASES)
async def test_an_invalid_token_gets_401_without_the_reason(
    pipeline: Pipeline, generic_response: bytes, case: str
) -> None:
    status, head, body = await ask(pipeline, CASES[case]())
    assert (status, body) == (401, generic_response)
    challenge = b"bearer" if case in NO_TOKEN else b'bearer error="invalid_token"'
    assert b"\r\nwww-authenticate: " + challenge + b"\r\n" in head
    assert b"valid bearer token" in body


async def test_a_token_of_a_megabyte_ends_its_connection_and_no_other(pipeline: Pipeline) -> None:
    status, head, body = await ask(pipeline, [b"Authorization: Bearer " + b"x" * 1_000_000])
    assert status == 401
    assert b'\r\nwww-authenticate: bearer error="invalid_token"\r\n' in head
    assert b"valid bearer token" in body
    assert (await pipeline.client.get("/livez")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        lambda: bearing(mint()),
        lambda: [b"authorization: bearer " + mint().encode()],
        lambda: bearing(mint(exp=int(time.time()) - 10)),
        lambda: bearing(mint(nbf=int(time.time()) + 10, iat=time.time() + 10.5)),
        lambda: bearing(signed(RS256 | {"kid": "../any", "cat": "unknown", "x5t": "AAAA"}, good_claims())),
        lambda: bearing(mint(iat=None, sub=None, scope="openid audio:read email", leads=[7, "8"], groups=["x"])),
        lambda: bearing(mint(leads="*", tenant_id="acme", filler="x" * 8000)),
        lambda: bearing(mint(aud=["another", AUDIENCE])),
        lambda: bearing(mint(scope=["openid", "audio:read"])),
        lambda: bearing(mint(scp="openid audio:read")),
        lambda: bearing(mint(scp=["audio:read"])),
    ],
    ids=[
        *("plain", "lower case", "within leeway", "clock behind", "header members", "other claims", "long"),
        *("aud is a list", "scope is a list", "scp", "scp is a list"),
    ],
)
async def test_a_valid_token_is_accepted(pipeline: Pipeline, headers: Case) -> None:
    status, _, _ = await ask(pipeline, headers())
    assert status == 404


async def test_a_token_without_the_scope_gets_403(pipeline: Pipeline) -> None:
    reading = await pipeline.client.get("/sessions/x", headers=bearer(scope="audio:write events:read"))
    writing = await pipeline.client.post(
        "/upload_chunk/x", content=b"xx", headers=OCTETS | bearer(scope="audio:read events:read")
    )
    listed = await pipeline.client.get("/sessions/x", headers=bearer(scope=["audio:write"]))
    by_scp = await pipeline.client.get("/sessions/x", headers=bearer(scp=["audio:write"]))
    both = await pipeline.client.get("/sessions/x", headers=bearer(scope="", scp="audio:read"))
    assert (reading.status_code, writing.status_code) == (403, 403)
    assert (listed.status_code, by_scp.status_code, both.status_code) == (403, 403, 403)
    assert "audio:read" in reading.json()["message"]
    assert pipeline.leftovers() == []


async def test_another_tenants_session_looks_like_one_that_does_not_exist(pipeline: Pipeline) -> None:
    ours, theirs = bearer(tenant_id="acme"), bearer(tenant_id="rival")
    await pipeline.client.post("/upload_chunk/shared-name", content=b"xxxx", headers=OCTETS | ours)
    assert (await pipeline.client.get("/sessions/shared-name", headers=ours)).json()["bytes"] == 4
    found = [await pipeline.client.get("/sessions/shared-name", headers=who) for who in (theirs, bearer())]
    missing = await pipeline.client.get("/sessions/another-nam", headers=theirs)
    for response in found:
        assert response.status_code == missing.status_code == 404
        assert response.content.replace(b"shared-name", b"another-nam") == missing.content


async def test_two_tenants_may_use_the_same_session_id(pipeline: Pipeline) -> None:
    for tenant, chunk in (("one", b"aa"), ("two", b"bbbb")):
        response = await pipeline.client.post(
            "/upload_chunk/twin?chunk_index=0", content=chunk, headers=OCTETS | bearer(tenant_id=tenant)
        )
        assert (response.status_code, response.json()["chunk_size"]) == (200, len(chunk))


async def test_a_body_without_a_token_is_rejected_before_it_is_read(pipeline: Pipeline) -> None:
    status, _, _ = await ask(pipeline, [b"Content-Length: 1000"], b"POST /upload_chunk/x")
    assert status == 401
    assert pipeline.leftovers() == []


async def test_health_needs_no_token(pipeline: Pipeline) -> None:
    for path in ("/health", "/livez", "/metrics"):
        assert (await pipeline.client.get(path, headers={"Authorization": "nonsense"})).status_code == 200


async def test_without_a_configured_key_every_token_is_ignored(
    tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), NOWHERE, store_config)
    async with ingest_running(settings) as open_pipeline:
        for headers in ({}, {"Authorization": "nonsense"}, bearer(tenant_id="acme", exp=1)):
            sent = await open_pipeline.client.post("/upload_chunk/x", content=b"xx", headers=OCTETS | headers)
            assert sent.status_code == 200
        assert (await open_pipeline.client.get("/sessions/x")).json()["bytes"] == 6


async def test_rejections_are_counted_by_reason_and_the_token_is_logged_nowhere(
    pipeline: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    token = mint(aud="another")
    response = await pipeline.client.get("/sessions/x", headers={"Authorization": f"Bearer {token}"})
    exposition = (await pipeline.client.get("/metrics")).text
    assert 'jwt_rejects_total{reason="audience"}' in exposition
    signature = token.rpartition(".")[2]
    assert signature not in response.text + exposition + "".join(capfd.readouterr())
