"""Ingest without a configured bucket takes chunks, and gives 503 for requests that need the bucket."""

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


async def test_direct_uploads_get_503(pipeline: Pipeline) -> None:
    client = Uploader(pipeline, {})
    for response in (await client.sign(), await client.register({}), await client.read("x")):
        assert (response.status_code, response.json()) == (503, NOT_CONFIGURED)


async def test_chunks_are_taken_and_their_sessions_status_is_read(pipeline: Pipeline) -> None:
    assert (await pipeline.client.get("/readyz")).status_code == 200
    assert (await pipeline.send("homeless", b"xxxx")).status_code == 200
    assert (await pipeline.client.get("/sessions/homeless")).json()["state"] == "receiving"


async def test_a_deletion_says_why_it_can_not_be_finished(pipeline: Pipeline) -> None:
    await pipeline.send("undeletable", b"xxxx")
    response = await pipeline.client.delete("/sessions/undeletable")
    assert (response.status_code, response.json()["code"]) == (503, "store_not_configured")
