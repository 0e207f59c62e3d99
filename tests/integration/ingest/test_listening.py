"""A session's WAV and original over real HTTP: whole, in ranges, and conditional (RFC 9110, sections 13 and 14)."""

from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest

from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded, samples_of, tone
from tests.integration.ingest.lead_client import LeadClient, new_call
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings

SOUND = tone(2)


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    settings = ingest_settings(spool, nats_url, store_config, **token_settings())
    async with (
        ingest_running(settings) as pipeline,
        assembler_running(assembler_settings(spool, nats_url, store_config)),
    ):
        yield pipeline


@pytest.fixture(scope="module")
async def audio(pipeline: Pipeline) -> str:
    """The address of a session's WAV."""
    client = pipeline.client
    raw = {"Content-Type": "application/octet-stream", **bearer()}
    assert (await client.post("/upload_chunk/heard", content=SOUND, headers=raw)).status_code == 200
    assert (await client.post("/finalize/heard", headers=bearer())).status_code == 200
    return "/sessions/heard/audio"


async def get(pipeline: Pipeline, address: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await pipeline.client.request(method, address, headers={**bearer(), **named})


async def test_the_wav_comes_whole_and_in_ranges(pipeline: Pipeline, audio: str) -> None:
    whole = await get(pipeline, audio)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/wav")
    assert whole.headers["content-disposition"] == 'inline; filename="audio_heard.wav"'
    assert samples_of(whole.content) == SOUND
    part = await get(pipeline, audio, Range="bytes=44-143")
    assert (part.status_code, part.content) == (206, SOUND[:100])
    assert part.headers["content-range"] == f"bytes 44-143/{len(SOUND) + 44}"
    head = await get(pipeline, audio, "HEAD")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", whole.headers["etag"])
    assert (await get(pipeline, audio, If_None_Match=whole.headers["etag"])).status_code == 304
    beyond = await get(pipeline, audio, Range="bytes=99999999-")
    assert (beyond.status_code, beyond.json()["status"]) == (416, "error")


async def test_another_version_than_the_one_that_is_named_is_412(pipeline: Pipeline, audio: str) -> None:
    etag = (await get(pipeline, audio, "HEAD")).headers["etag"]
    for tags in (etag, "*", f'"other", {etag}'):
        assert (await get(pipeline, audio, If_Match=tags, Range="bytes=0-3")).status_code == 206
    for tags in ('"other"', f"W/{etag}", ""):
        refused = await get(pipeline, audio, If_Match=tags)
        assert (refused.status_code, refused.json()["code"]) == (412, "another_version"), tags
    assert (await get(pipeline, audio, If_Unmodified_Since="Mon, 27 Jan 2025 12:00:00 GMT")).status_code == 412
    assert (await get(pipeline, audio, If_Unmodified_Since="Thu, 27 Jan 2135 12:00:00 GMT")).status_code == 200


async def test_what_is_not_there_is_404_with_the_reason(pipeline: Pipeline, audio: str) -> None:
    raw = {"Content-Type": "application/octet-stream", **bearer()}
    assert (await pipeline.client.post("/upload_chunk/open", content=b"ab", headers=raw)).status_code == 200
    yet = await get(pipeline, "/sessions/open/audio")
    assert (yet.status_code, yet.json()["code"]) == (404, "no_audio")
    original = await get(pipeline, audio.replace("/audio", "/original"))
    assert (original.status_code, original.json()["code"]) == (404, "no_original")
    assert (await get(pipeline, "/sessions/unknown/audio")).status_code == 404
    other = await pipeline.client.get(audio, headers=bearer(tenant_id="other"))
    assert other.status_code == 404
    narrow = await pipeline.client.get(audio, headers=bearer(scope="audio:write"))
    assert narrow.status_code == 403
    assert (await pipeline.client.delete(audio, headers=bearer())).status_code == 405


async def test_an_original_is_what_was_sent(pipeline: Pipeline) -> None:
    content, call = encoded("aac"), new_call()
    pipeline.client.headers.update(bearer())
    try:
        lead = LeadClient(pipeline.client)
        upload = await lead.init(call)
        assert (await lead.append(upload, 0, content)).status_code == 202
        assert (await lead.finalize(upload, 1, call)).status_code == 200
    finally:
        del pipeline.client.headers["authorization"]
    got = await get(pipeline, f"/sessions/{upload}/original")
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, content, "audio/aac")
    strange = await pipeline.client.get(f"/sessions/{upload}/original", headers=bearer(leads=["somebody-else"]))
    assert strange.status_code == 404


async def test_the_peaks_are_the_lowest_and_highest_samples_of_each_pixel(pipeline: Pipeline, audio: str) -> None:
    address = audio.replace("/audio", "/peaks")
    samples = np.frombuffer(SOUND, "<i2")
    for query, pixel in (("", 800), ("?samples_per_pixel=64", 64), ("?samples_per_pixel=30000", 30_000)):
        drawn = (await get(pipeline, address + query)).json()
        pixels = [samples[start : start + pixel] for start in range(0, len(samples), pixel)]
        assert drawn.pop("data") == [int(value) >> 8 for part in pixels for value in (part.min(), part.max())]
        assert drawn == {
            "version": 2,
            "channels": 1,
            "sample_rate": 16_000,
            "samples_per_pixel": pixel,
            "bits": 8,
            "length": len(pixels),
        }
    first = await get(pipeline, address)
    assert (await get(pipeline, address, If_None_Match=first.headers["etag"])).status_code == 304
    for bad in ("0", "63", "1600001", "8e2", "-800", "", "9" * 30):
        refused = await get(pipeline, f"{address}?samples_per_pixel={bad}")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_samples_per_pixel"), bad
    assert (await get(pipeline, "/sessions/unknown/peaks")).status_code == 404
