"""Ingest with no bucket named: chunks are taken, and what needs a bucket says that there is none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.ingest.settings import IngestSettings
from tests.integration.ingest.direct_uploads import Uploader
from tests.integration.pipeline import Pipeline, ingest_running

NOT_CONFIGURED = {"success": False, "error": "Cloudflare R2 not configured", "code": "store_not_configured"}


@pytest.fixture
async def pipeline(tmp_path: Path, nats_url: str) -> AsyncIterator[Pipeline]:
    settings = IngestSettings.model_validate({"local_temp_chunk_path": tmp_path, "nats_url": nats_url})
    async with ingest_running(settings) as pipeline:
        yield pipeline


async def test_direct_uploads_are_answered_503(pipeline: Pipeline) -> None:
    client = Uploader(pipeline, {})
    for answer in (await client.sign(), await client.register({}), await client.read("x")):
        assert (answer.status_code, answer.json()) == (503, NOT_CONFIGURED)


async def test_chunks_are_taken_and_their_session_is_told(pipeline: Pipeline) -> None:
    assert (await pipeline.client.get("/readyz")).status_code == 200
    assert (await pipeline.send("homeless", b"xxxx")).status_code == 200
    assert (await pipeline.client.get("/sessions/homeless")).json()["state"] == "receiving"


async def test_a_deletion_says_why_it_can_not_be_finished(pipeline: Pipeline) -> None:
    await pipeline.send("undeletable", b"xxxx")
    answer = await pipeline.client.delete("/sessions/undeletable")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_not_configured")
