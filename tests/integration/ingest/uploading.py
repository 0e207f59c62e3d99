"""A client of indexed uploads."""

from dataclasses import dataclass, field

import httpx

from tests.integration.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Uploader:
    """A client of one ingest; `headers` are sent with each request."""

    pipeline: Pipeline
    headers: dict[str, str] = field(default_factory=dict)

    async def init(self, file_id: object = 123, name: object = "audio.mp3") -> httpx.Response:
        body = {"main_service_file_id": file_id, "original_file_name": name}
        return await self.pipeline.client.post("/upload/init", json=body, headers=self.headers)

    async def opened(self, file_id: int = 123, name: str = "audio.mp3") -> str:
        response = await self.init(file_id, name)
        assert response.status_code == 200, response.text
        upload: str = response.json()["data"]["upload_session_id"]
        return upload

    async def chunk(self, upload: str, index: object, content: bytes) -> httpx.Response:
        return await self.pipeline.client.post(
            "/upload/chunk",
            data={"upload_session_id": upload, "chunk_index": str(index)},
            files={"chunk": ("blob", content)},
            headers=self.headers,
        )

    async def complete(self, upload: object, total: object, file_id: object = 123, **headers: str) -> httpx.Response:
        body = {"upload_session_id": upload, "total_chunks": total, "main_service_file_id": file_id}
        return await self.pipeline.client.post("/upload/complete", json=body, headers={**self.headers, **headers})

    async def uploaded(self, content: bytes, *, name: str = "audio.mp3", file_id: int = 123) -> str:
        """Open an upload and send its one chunk; returns its id."""
        upload = await self.opened(file_id, name)
        response = await self.chunk(upload, 0, content)
        assert response.status_code == 200, response.text
        return upload
