"""What is put into the bucket after a session's deletion is deleted again: by a presigned URL, by a killed analyzer."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from deploy.local.object_store import RcloneStore
from services.ingest.background.deleted_object_watch import DeletedObjectWatch
from shared.process.tasks import background_tasks
from shared.storage.object_store import open_store
from shared.storage.settings import StoreConfig
from tests.integration.pipeline import Pipeline, assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.waiting import until

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
async def pipeline(tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    async with ingest_running(ingest_settings(tmp_path, nats_url, ascending_store_config)) as pipeline:
        yield pipeline


async def test_a_document_that_is_uploaded_again_after_its_deletion_is_deleted_again(
    pipeline: Pipeline, ascending_store_config: StoreConfig, object_store: RcloneStore
) -> None:
    wanted = {"filename": "a.png", "content_type": "image/png", "file_size": len(PICTURE)}
    signed = (await pipeline.client.post("/api/v1/documents/upload/generate-url/", json=wanted)).json()
    file = object_store.bucket_folder / signed["object_key"]
    async with httpx.AsyncClient() as browser:

        async def put() -> None:
            response = await browser.put(signed["upload_url"], content=PICTURE, headers={"Content-Type": "image/png"})
            assert response.status_code == 200

        await put()
        registration = {
            "filename": "a.png",
            "file_path": signed["object_key"],
            "file_size": len(PICTURE),
            "mime_type": "image/png",
        }
        document = (await pipeline.client.post("/api/v1/documents/", json=registration)).json()
        response = await pipeline.client.delete(f"/sessions/{document['id']}")
        assert signed["object_key"] in response.json()["deleted"]
        assert not file.exists()
        await put()
    assert file.exists()
    with ThreadPoolExecutor() as executor:
        async with open_store(ascending_store_config) as store:
            late = DeletedObjectWatch(pipeline.spool, store, executor, every=0.05)
            async with background_tasks(late.run()):
                await until(lambda: not file.exists(), what="the document to be deleted again")
    assert len(list(pipeline.spool.deleted_objects.iterdir())) == 1  # the URL is still valid
    assert (await pipeline.client.get(f"/api/v1/documents/{document['id']}/")).status_code == 404


async def test_a_result_that_a_killed_analyzer_stored_after_the_deletion_is_deleted_too(
    tmp_path: Path, nats_url: str, ascending_store_config: StoreConfig, object_store: RcloneStore
) -> None:
    settings = ingest_settings(tmp_path, nats_url, ascending_store_config)
    names = [
        "analysis_late-result.json",
        ".roomtone/default/late-result/analysis.completed.json",
        ".roomtone/default/late-result/bought/0123abcd",
    ]
    async with open_store(ascending_store_config) as store, ingest_running(settings) as pipeline:
        await pipeline.send("late-result", b"half a second")
        async with assembler_running(assembler_settings(tmp_path, nats_url, ascending_store_config)):
            assert (await pipeline.finalize("late-result")).status_code == 200
        assert (await pipeline.client.delete("/sessions/late-result")).status_code == 200
        for name in names:
            await store.put(name, b"{}", content_type="application/json", metadata={})
    async with ingest_running(settings):
        await until(lambda: not any((object_store.bucket_folder / name).exists() for name in names))
