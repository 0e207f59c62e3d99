"""Sessions and documents stored before the probe: random requests would never find a recording to play."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from tests.contract.silent_wav import silence
from tests.waiting import until

LEAD = "stored"
CALL = "0b8f5c1e-6c1d-4a53-9a43-2f1a7c4f2b10"
SESSION = "stored"
_SIGN = "/api/v1/documents/upload/generate-url/"
_DOCUMENTS = "/api/v1/documents/"
_TYPE = "audio/wav"


@dataclass(frozen=True, slots=True)
class Seeds:
    """The ids of one thing of each kind."""

    document: str
    session: str = SESSION
    lead: str = LEAD
    call: str = CALL

    def dictionaries(self) -> str:
        """Return schemathesis' dictionaries of them, in TOML."""
        ids = {"documents": self.document, "sessions": self.session, "leads": self.lead, "calls": self.call}
        return "".join(f'\n[dictionaries.{name}]\nvalues = ["{value}"]\n' for name, value in ids.items())


async def store_seeds(address: str, token: dict[str, str]) -> Seeds:
    """Store a session, which is analyzed, a recording of a call and a document, each of 40 ms of silence."""
    async with httpx.AsyncClient(base_url=address, headers=token, timeout=30) as client:
        await _checked(client.post(f"/upload_chunk/{SESSION}", files={"audio_chunk": silence()}))
        await _checked(client.post(f"/finalize/{SESSION}"))
        await until(partial(_is_analyzed, client), within=60, what="the session to be analyzed")
        file = {"file": ("call.wav", silence())}
        await _checked(client.post(f"/api/leads/{LEAD}/recordings", files=file, data={"call_log_id": CALL}))
        return Seeds(document=await _document(client))


async def _is_analyzed(client: httpx.AsyncClient) -> bool:
    return bool((await _checked(client.get(f"/sessions/{SESSION}")))["state"] == "analyzed")


async def _document(client: httpx.AsyncClient) -> str:
    signed = await _checked(client.post(_SIGN, json={"filename": "call.wav", "content_type": _TYPE}))
    async with httpx.AsyncClient() as store:  # without the token, which the store must not see
        (await store.put(signed["upload_url"], content=silence(), headers=signed["headers"])).raise_for_status()
    file = {"filename": "call.wav", "file_path": signed["object_key"], "mime_type": _TYPE}
    registered = await _checked(client.post(_DOCUMENTS, json={**file, "file_size": len(silence())}))
    return str(registered["id"])


async def _checked(request: Awaitable[httpx.Response]) -> Mapping[str, Any]:
    response = await request
    assert response.is_success, response.text
    body: Mapping[str, Any] = response.json()
    return body
