"""Chunks in, WAV out: ingest and assembler over a real bus and a real S3 server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from deploy.local.object_store import RcloneStore
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import encoded, samples_of, strength, tone
from tests.integration.pipeline import (
    Pipeline,
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)
from tests.waiting import until


@pytest.fixture(scope="module", params=["any", "ascending"])
async def store(request: pytest.FixtureRequest, object_store: RcloneStore) -> StoreConfig:
    return object_store.config(request.param)


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        ingest_running(ingest_settings(spool, nats_url, store)) as pipeline,
        assembler_running(assembler_settings(spool, nats_url, store)),
    ):
        yield pipeline


def session_of(request: pytest.FixtureRequest) -> str:
    return hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:24]


async def test_five_chunks_become_the_wav_of_the_contract(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session, content = session_of(request), tone(5)
    for number in range(5):
        response = await pipeline.send(session, content[number * 32_000 : (number + 1) * 32_000])
        assert response.json() == {
            "status": "success",
            "session_id": session,
            "chunk_size": 32_000,
            "total_chunks": number + 1,
            "chunk_index": number,
        }

    response = await pipeline.finalize(session)

    assert response.status_code == 200
    body = response.json()
    wav = await download(store, f"audio_{session}.wav")
    assert samples_of(wav) == content
    assert body["status"] == "success"
    assert body["session_id"] == session
    assert body["filename"] == f"audio_{session}.wav"
    assert body["size_bytes"] == 160_044 == len(wav)
    assert body["url"] == f"{store.endpoint}/{store.bucket}/audio_{session}.wav"
    assert body["sha256"] == hashlib.sha256(wav).hexdigest()


async def test_chunks_by_index_come_out_in_order_whatever_the_order_they_came_in(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session, content = session_of(request), tone(3)
    for index in (2, 0, 1):
        await pipeline.send(session, content[index * 32_000 : (index + 1) * 32_000], chunk_index=index)
    assert (await pipeline.finalize(session)).status_code == 200
    assert samples_of(await download(store, f"audio_{session}.wav")) == content


async def test_a_recording_of_many_parts_is_byte_for_byte_what_was_sent(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session, second = session_of(request), tone(1)
    content = second * 400  # 12.8 MB: three parts
    for start in range(0, len(content), 3_000_000):
        await pipeline.send(session, content[start : start + 3_000_000])
    body = (await pipeline.finalize(session)).json()
    wav = await download(store, f"audio_{session}.wav")
    assert samples_of(wav) == content
    assert body["sha256"] == hashlib.sha256(wav).hexdigest()


@pytest.mark.parametrize("name", ["mp3", "webm"])
async def test_a_long_container_in_pieces_becomes_a_wav_of_many_parts(
    name: str, pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session, content = session_of(request), encoded(name, 340)
    for start in range(0, len(content), 1_000_000):
        await pipeline.send(session, content[start : start + 1_000_000])

    body = (await pipeline.finalize(session)).json()

    wav = await download(store, f"audio_{session}.wav")
    assert body["status"] == "success"
    assert body["size_bytes"] == len(wav)
    assert body["sha256"] == hashlib.sha256(wav).hexdigest()
    assert abs(body["duration_seconds"] - 340) < 0.2
    assert strength(samples_of(wav)[-64_000:-32_000]) > 0.9


async def test_an_m4a_in_pieces_is_understood_though_its_index_comes_last(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session, content = session_of(request), encoded("m4a")
    for start in range(0, len(content), 5_000):
        await pipeline.send(session, content[start : start + 5_000])
    assert (await pipeline.finalize(session)).status_code == 200
    assert strength(samples_of(await download(store, f"audio_{session}.wav"))) > 0.9
    assert pipeline.leftovers() == []


async def test_chunks_that_are_complete_files_are_joined_after_decoding(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session = session_of(request)
    for _ in range(3):
        await pipeline.send(session, encoded("wav"))
    assert (await pipeline.finalize(session)).status_code == 200
    assert samples_of(await download(store, f"audio_{session}.wav")) == tone(2) * 3


async def test_no_audio_is_lost_when_the_first_chunk_is_a_small_wav(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session = session_of(request)
    for chunk in (encoded("wav"), tone(1), tone(1)):
        await pipeline.send(session, chunk)
    assert (await pipeline.finalize(session)).status_code == 200
    samples = samples_of(await download(store, f"audio_{session}.wav"))
    assert samples[: len(tone(2))] == tone(2)
    assert samples.endswith(tone(2))


async def test_files_of_different_formats_are_joined_and_only_a_broken_last_one_is_lost(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session = session_of(request)
    for chunk in (encoded("wav"), encoded("untagged.mp3"), encoded("webm"), b"\x1a\x45\xdf\xa3" + bytes(200)):
        await pipeline.send(session, chunk)
    body = (await pipeline.finalize(session)).json()
    assert body["status"] == "success"
    assert abs(body["duration_seconds"] - 6) < 0.3
    assert body["warnings"] == ["A part of the recording is not audio and was left out."]
    assert strength(samples_of(await download(store, f"audio_{session}.wav"))[-64_000:-16_000]) > 0.9


async def test_an_odd_byte_at_the_end_is_dropped_with_a_warning(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session, content = session_of(request), tone(1)
    await pipeline.send(session, content[:1001])
    await pipeline.send(session, content[1001:] + b"x")
    body = (await pipeline.finalize(session)).json()
    assert samples_of(await download(store, f"audio_{session}.wav")) == content
    assert body["warnings"] == ["The last byte was half a sample and was dropped."]


@pytest.mark.parametrize(
    "content", [b"OggS\x00\x02" + bytes(2000), b"\x89PNG\r\n\x1a\n" + bytes(2000), b"#EXTM3U\nhttp://127.0.0.1:9/x\n"]
)
async def test_a_session_that_is_not_audio_fails_with_a_reason_and_keeps_its_chunks(
    content: bytes, pipeline: Pipeline, request: pytest.FixtureRequest
) -> None:
    session = session_of(request)
    await pipeline.send(session, content)

    response = await pipeline.finalize(session)

    assert response.status_code == 500
    assert response.json()["status"] == "error"
    assert response.json()["session_id"] == session
    assert "/" not in response.json()["message"]
    assert list(pipeline.directory(session).chunk_sizes()) == [0]
    again = await pipeline.finalize(session)
    assert (again.status_code, again.json()) == (500, response.json())
    status = (await pipeline.client.get(f"/sessions/{session}")).json()
    assert status["state"] == "failed"
    assert status["error"]["message"] == response.json()["message"]


async def test_after_success_the_spool_holds_no_chunks_and_a_late_chunk_is_rejected(
    pipeline: Pipeline, request: pytest.FixtureRequest
) -> None:
    session = session_of(request)
    await pipeline.send(session, tone(1))
    first = await pipeline.finalize(session)
    directory = pipeline.directory(session)
    await until(lambda: directory.result.exists() and not directory.chunk_sizes())  # the response may come before
    await until(lambda: pipeline.leftovers() == [])
    assert (await pipeline.send(session, tone(1))).status_code == 409
    assert (await pipeline.finalize(session)).json() == first.json()
    status = (await pipeline.client.get(f"/sessions/{session}")).json()
    assert status["state"] == "ready"
    assert status["chunks"] == 1
    assert status["audio"]["sha256"] == first.json()["sha256"]


async def test_the_signed_download_url_serves_the_wav(pipeline: Pipeline, request: pytest.FixtureRequest) -> None:
    session, content = session_of(request), tone(1)
    await pipeline.send(session, content)
    await pipeline.finalize(session)
    audio = (await pipeline.client.get(f"/sessions/{session}")).json()["audio"]
    assert samples_of((await pipeline.client.get(audio["download_url"])).content) == content
    assert (await pipeline.client.get(audio["url"])).status_code >= 400


async def test_the_same_session_finalized_twenty_times_at_once_has_one_result(
    pipeline: Pipeline, request: pytest.FixtureRequest
) -> None:
    session = session_of(request)
    await pipeline.send(session, tone(1))
    responses = await asyncio.gather(*(pipeline.finalize(session) for _ in range(20)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.text for response in responses}) == 1


async def test_empty_chunks_between_others_leave_the_sound_as_it_is(
    pipeline: Pipeline, store: StoreConfig, request: pytest.FixtureRequest
) -> None:
    session, content = session_of(request), encoded("webm")
    for index, part in enumerate((b"", content[:3000], b"", content[3000:], b"")):
        assert (await pipeline.send(session, part, chunk_index=index)).status_code == 200
    assert (await pipeline.finalize(session)).status_code == 200
    assert strength(samples_of(await download(store, f"audio_{session}.wav"))) > 0.9
