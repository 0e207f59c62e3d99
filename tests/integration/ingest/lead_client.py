"""A dialler's client: it sends and plays the recordings of one lead."""

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx


def new_call() -> str:
    return str(uuid.uuid4())


def assert_error(response: httpx.Response, status: int, code: str) -> None:
    """Assert that a response is an error in the format of call recordings."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["code"] == code
    assert len(body["error"]["message"]) > 10


@dataclass(frozen=True, slots=True)
class LeadClient:
    """Each method sends one request and returns its response."""

    client: httpx.AsyncClient
    lead: str = field(default_factory=lambda: uuid.uuid4().hex)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/api/leads/{self.lead}/recordings"

    async def upload(self, content: bytes, call: str, *, filename: str = "call.aac", **headers: str) -> httpx.Response:
        return await self.form({"call_log_id": call}, {"file": (filename, content)}, **headers)

    async def form(
        self, fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]], **headers: str
    ) -> httpx.Response:
        return await self.client.post(self.path, data=fields, files=files, headers={**self.headers, **headers})

    async def json(self, action: str, **members: object) -> httpx.Response:
        return await self.client.post(self.path, json={"action": action, **members}, headers=self.headers)

    async def init(self, call: str, filename: str = "call.aac") -> str:
        response = await self.json("init", filename=filename, call_log_id=call)
        assert response.status_code == 201, response.text
        upload_id: str = response.json()["data"]["upload_id"]
        return upload_id

    async def append(self, upload_id: str, index: int, chunk: bytes) -> httpx.Response:
        text = base64.b64encode(chunk).decode()
        return await self.json("append", upload_id=upload_id, chunk_index=index, chunk=text)

    async def append_form(self, upload_id: str, index: int, chunk: bytes) -> httpx.Response:
        fields = {"action": "append", "upload_id": upload_id, "chunk_index": str(index)}
        return await self.form(fields, {"chunk": ("blob", chunk)})

    async def finalize(self, upload_id: str, total: int, call: str) -> httpx.Response:
        return await self.json("finalize", upload_id=upload_id, total_chunks=total, call_log_id=call)

    async def play(self, call: str, method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"{self.path}/{call}", headers={**self.headers, **named})

    async def list(self, **query: str | int) -> httpx.Response:
        return await self.client.get(self.path, params=query, headers=self.headers)
