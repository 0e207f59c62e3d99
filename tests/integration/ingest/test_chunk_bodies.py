"""What the body of a raw session's chunk may be: its type, its encoding, and nothing at all; without bus and store."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from shared.storage.settings import StoreConfig
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings

NOWHERE = "nats://127.0.0.1:1"


@pytest.fixture(scope="module")
async def pipeline(tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), NOWHERE, store_config, finalize_wait_seconds=0.2)
    async with ingest_running(settings) as pipeline:
        yield pipeline


_numbers = count()


@pytest.fixture
def session() -> str:
    return f"session-{next(_numbers)}"


@pytest.mark.parametrize("kind", ["audio/webm;codecs=opus", "Audio/WAV", 'video/webm; codecs="opus"'])
async def test_a_raw_body_may_name_the_type_of_its_sound(kind: str, pipeline: Pipeline, session: str) -> None:
    sent = await pipeline.client.post(f"/upload_chunk/{session}", content=b"xxxx", headers={"Content-Type": kind})
    assert (sent.status_code, sent.json()["chunk_size"]) == (200, 4)


@pytest.mark.parametrize(("encoding", "status"), [("base64", 415), ("Quoted-Printable", 415), ("binary", 200)])
async def test_a_part_that_is_encoded_once_more_is_refused_and_nothing_of_it_kept(
    encoding: str, status: int, pipeline: Pipeline, session: str
) -> None:
    head = (
        f'--xyz\r\nContent-Disposition: form-data; name="audio_chunk"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    body = head.encode() + b"AAAA\r\n--xyz--\r\n"
    response = await pipeline.client.post(f"/upload_chunk/{session}", content=body, headers=headers)
    assert response.status_code == status
    assert ("Content-Transfer-Encoding" in response.text) == (status != 200)
    assert pipeline.leftovers() == []


async def test_an_empty_chunk_with_an_index_takes_it_and_one_without_is_refused(
    pipeline: Pipeline, session: str
) -> None:
    address = f"/upload_chunk/{session}"
    assert (await pipeline.send(session, b"ab", chunk_index=0)).status_code == 200
    raw = await pipeline.send(session, b"", chunk_index=1)
    assert (raw.status_code, raw.json()["chunk_size"], raw.json()["total_chunks"]) == (200, 0, 2)
    form = await pipeline.client.post(address, files={"audio_chunk": b""}, data={"chunk_index": "2"})
    assert (form.status_code, form.json()["chunk_size"], form.json()["chunk_index"]) == (200, 0, 2)
    assert (await pipeline.send(session, b"", chunk_index=1)).status_code == 200
    for refused in (await pipeline.send(session, b""), await pipeline.client.post(address, files={"audio_chunk": b""})):
        assert (refused.status_code, refused.json()["code"]) == (400, "empty_chunk")
    assert pipeline.directory(session).chunk_sizes() == {0: 2, 1: 0, 2: 0}
    assert (await pipeline.finalize(session)).status_code == 202
    assert pipeline.leftovers() == []


async def test_a_recording_of_empty_chunks_alone_has_nothing_to_finalize(pipeline: Pipeline, session: str) -> None:
    assert (await pipeline.send(session, b"", chunk_index=0)).status_code == 200
    refused = await pipeline.finalize(session)
    assert (refused.status_code, refused.json()["code"]) == (400, "nothing_there")
