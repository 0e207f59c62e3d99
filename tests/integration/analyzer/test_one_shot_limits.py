"""The limits of one-shot analysis, and how early a request beyond them is rejected."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.analyzer.one_shot_client import (
    PATH,
    RawUpload,
    analyze,
    analyzing,
    decoder_that,
    error_of,
    form,
    made,
    open_raw_upload,
    wav,
)
from tests.tokens import bearer, token_settings
from tests.waiting import until

_MIB = 1024 * 1024
SILENCE = wav(bytes(32_000))


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Six hours of silence in a few megabytes."""
    five_minutes = tmp_path_factory.mktemp("bomb") / "silence.opus"
    silence = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "300", "-c:a", "libopus", "-b:a", "6k"]
    five_minutes.write_bytes(made([*silence, "-frame_duration", "120", "-f", "ogg"]))
    return made(["-stream_loop", "71", "-i", str(five_minutes), "-c", "copy", "-f", "ogg"])


async def test_hours_in_a_small_file_are_decoded_no_further_than_the_longest_recording(
    nats_url: str, bomb: bytes
) -> None:
    assert len(bomb) < 8 * _MIB
    async with analyzing(nats_url) as client:
        async with asyncio.timeout(10):
            body = error_of(await analyze(client, bomb, "call.opus"), 400)
    assert (body["error"], body["code"]) == ("Audio too long", "too_long")
    assert "300 seconds" in body["details"]


async def test_a_recording_may_be_as_long_as_allowed_and_no_longer(nats_url: str) -> None:
    async with analyzing(nats_url, max_duration_seconds=2) as client:
        assert (await analyze(client, wav(bytes(64_000)))).status_code == 200
        assert error_of(await analyze(client, wav(bytes(64_002))), 400)["code"] == "too_long"


async def test_a_file_may_be_as_large_as_allowed_and_no_larger(nats_url: str) -> None:
    largest = wav(bytes(_MIB // 8 - len(wav(b""))))
    async with analyzing(nats_url, max_file_size=0.125) as client:
        assert (await analyze(client, largest)).status_code == 200
        body = error_of(await analyze(client, largest + b"\0"), 413)
    assert (body["error"], body["details"]) == ("File too large", "The file may have at most 0.125 MB.")


async def test_a_body_that_does_not_say_its_size_is_counted(nats_url: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield form("call.wav", b"")[:-20]
        for _ in range(64):
            yield bytes(65_536)

    async with analyzing(nats_url, max_file_size=0.125) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=bnd"}
        error_of(await client.post(PATH, content=pieces(), headers=headers), 413)


async def test_a_declared_size_over_the_limit_is_rejected_before_the_body(nats_url: str) -> None:
    async with analyzing(nats_url) as client, open_raw_upload(client) as upload:
        await upload.send_head(10**9)
        assert (await upload.response())[0] == 413


async def test_a_wrong_extension_is_rejected_before_the_files_bytes(nats_url: str) -> None:
    async with analyzing(nats_url) as client, open_raw_upload(client) as upload:
        await upload.send_head(20 * _MIB)
        await upload.send(form("call.exe", SILENCE)[:200])
        status, _, body = await upload.response()
    assert (status, json.loads(body)["code"]) == (400, "bad_extension")


async def test_a_sender_that_stalls_gets_408(nats_url: str) -> None:
    for timeouts in ({"body_idle_seconds": 0.2}, {"analyze_timeout_seconds": 0.2}):
        async with analyzing(nats_url, **timeouts) as client, open_raw_upload(client) as upload:
            await upload.send_head(1000)
            await upload.send(form("call.wav", SILENCE)[:200])
            assert (await upload.response())[0] == 408


async def test_a_sender_that_only_trickles_gets_408(nats_url: str) -> None:
    timeouts = {"body_idle_seconds": 0.4, "min_body_rate": 10_000}
    async with analyzing(nats_url, **timeouts) as client, open_raw_upload(client) as upload:
        await upload.send_head(5000)
        await upload.send(form("call.wav", SILENCE)[:200])
        response = asyncio.create_task(upload.response())
        for _ in range(1000):
            await upload.send(b"x")
            if (await asyncio.wait([response], timeout=0.05))[0]:
                break
        assert (await response)[0] == 408


async def test_a_callers_rate_is_limited_per_minute(nats_url: str) -> None:
    async with analyzing(nats_url, rate_limit_per_minute=2) as client, open_raw_upload(client) as upload:
        assert (await analyze(client, SILENCE)).status_code == 200
        assert (await analyze(client, b"not audio")).status_code == 400
        await upload.send_head(1000)  # rejected before its body
        status, headers, body = await upload.response()
        response = await analyze(client, SILENCE)
    assert (status, json.loads(body)["error"]) == (429, "Rate limit exceeded")
    assert 1 <= int(headers["retry-after"]) <= 30
    assert error_of(response, 429)["code"] == "too_many_requests"


async def test_with_tokens_each_bearer_has_their_own_rate(nats_url: str) -> None:
    async with analyzing(nats_url, rate_limit_per_minute=1, **token_settings()) as client:
        statuses = [
            (await analyze(client, SILENCE, headers=bearer(**claims))).status_code
            for claims in ({"sub": "a"}, {"sub": "a"}, {"sub": "b"}, {"sub": "a", "tenant_id": "acme"})
        ]
    assert statuses == [200, 429, 200, 200]


async def test_a_caller_without_a_token_or_scope_gets_the_groups_error_body(nats_url: str) -> None:
    async with analyzing(nats_url, **token_settings()) as client:
        unknown = await analyze(client, SILENCE)
        other = await analyze(client, SILENCE, headers=bearer(scope="audio:read"))
        welcome = await analyze(client, SILENCE, headers=bearer(scope="audio:write"))
    error_of(unknown, 401)
    assert unknown.headers["www-authenticate"] == "Bearer"
    assert "audio:write" in error_of(other, 403)["details"]
    assert welcome.status_code == 200


async def test_a_request_without_a_slot_in_time_gets_503_and_retry_after(nats_url: str, tmp_path: Path) -> None:
    slow = decoder_that("exec sleep 60", tmp_path)
    limits = {"ffmpeg_path": slow, "analyze_concurrency": 1, "analyze_wait_seconds": 0.2}
    async with analyzing(nats_url, **limits) as client, open_raw_upload(client) as first:
        await first.send_form(SILENCE)

        async def busy() -> httpx.Response | None:
            response = await analyze(client, b"RIFF\0\0\0\0WAVE")
            return response if response.status_code == 503 else None

        response = await until(busy)
    assert response is not None
    assert error_of(response, 503)["error"] == "Server busy"
    assert int(response.headers["retry-after"]) >= 1


async def test_the_number_of_uploads_in_memory_is_limited(nats_url: str) -> None:
    async with analyzing(nats_url, analyze_concurrency=1) as client:
        uploads = [await _begun(client) for _ in range(4)]

        async def full() -> bool:
            return (await analyze(client, SILENCE)).status_code == 503

        await until(full)
        for upload in uploads:
            upload.disconnect()

        async def room() -> bool:
            return (await analyze(client, SILENCE)).status_code == 200

        await until(room)


async def _begun(client: httpx.AsyncClient) -> RawUpload:
    upload = await RawUpload.connect(client)
    await upload.send_head(1000)
    await upload.send(form("call.wav", SILENCE)[:200])
    return upload
