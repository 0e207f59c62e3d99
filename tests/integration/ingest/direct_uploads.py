"""A client of direct uploads: it gets a signed URL, sends the file there, and registers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.local.object_store import RcloneStore
from tests.integration.pipeline import Pipeline

SIGN = "/api/v1/documents/upload/generate-url/"
DOCUMENTS = "/api/v1/documents/"
PHOTO = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(1000)


@dataclass(frozen=True, slots=True)
class Uploader:
    """A client with one token, or without any."""

    pipeline: Pipeline
    headers: Mapping[str, str]

    async def sign(self, **wanted: object) -> httpx.Response:
        body = {"filename": "receipt.jpg", "content_type": "image/jpeg", **wanted}
        return await self.pipeline.client.post(SIGN, json=body, headers=self.headers)

    async def signed(self, **wanted: object) -> dict[str, Any]:
        response = await self.sign(**wanted)
        assert response.status_code == 200, response.text
        signed: dict[str, Any] = response.json()
        return signed

    async def uploaded(self, content: bytes = PHOTO, **wanted: object) -> dict[str, Any]:
        """Upload `content`; returns the members of its registration."""
        signed = await self.signed(**wanted)
        assert (await put(signed["upload_url"], content, signed["headers"])).status_code == 200
        return {
            "filename": wanted.get("filename", "receipt.jpg"),
            "file_path": signed["object_key"],
            "file_size": len(content),
            "mime_type": signed["headers"]["Content-Type"],
        }

    async def register(self, file: Mapping[str, object]) -> httpx.Response:
        return await self.pipeline.client.post(DOCUMENTS, json=file, headers=self.headers)

    async def registered(self, content: bytes = PHOTO, **wanted: object) -> dict[str, Any]:
        response = await self.register(await self.uploaded(content, **wanted))
        assert response.status_code == 201, response.text
        document: dict[str, Any] = response.json()
        return document

    async def read(self, document: str) -> httpx.Response:
        return await self.pipeline.client.get(f"{DOCUMENTS}{document}/", headers=self.headers)

    async def connected(self) -> bool:
        """Whether ingest has reached its bus, without which it can't read documents."""
        return (await self.read("0" * 32)).status_code == 404


async def put(url: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
    """Send a file as a client with no other knowledge than the URL and its headers."""
    async with httpx.AsyncClient() as client:
        return await client.put(url, content=content, headers=dict(headers))


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url)


def in_bucket(object_store: RcloneStore, key: str) -> bytes | None:
    path = object_store.bucket_folder / key
    return path.read_bytes() if path.exists() else None
