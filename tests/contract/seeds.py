"""What is there before the probe begins: random requests would never find a recording to play."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.contract.silent_wav import silence

LEAD = "kept"
CALL = "0b8f5c1e-6c1d-4a53-9a43-2f1a7c4f2b10"
SESSION = "kept"
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
        known = {"documents": self.document, "sessions": self.session, "leads": self.lead, "calls": self.call}
        return "".join(f'\n[dictionaries.{name}]\nvalues = ["{value}"]\n' for name, value in known.items())


async def store_seeds(address: str, token: dict[str, str]) -> Seeds:
    """Store a session, a recording of a call and a document, each of a moment of silence."""
    async with httpx.AsyncClient(base_url=address, headers=token, timeout=30) as client:
        await _sent(client.post(f"/upload_chunk/{SESSION}", files={"audio_chunk": silence()}))
        await _sent(client.post(f"/finalize/{SESSION}"))
        file = {"file": ("call.wav", silence())}
        await _sent(client.post(f"/api/leads/{LEAD}/recordings", files=file, data={"call_log_id": CALL}))
        return Seeds(document=await _document(client))


async def _document(client: httpx.AsyncClient) -> str:
    signed = await _sent(client.post(_SIGN, json={"filename": "call.wav", "content_type": _TYPE}))
    async with httpx.AsyncClient() as store:  # which must not see the token
        (await store.put(signed["upload_url"], content=silence(), headers=signed["headers"])).raise_for_status()
    file = {"filename": "call.wav", "file_path": signed["object_key"], "mime_type": _TYPE}
    registered = await _sent(client.post(_DOCUMENTS, json={**file, "file_size": len(silence())}))
    return str(registered["id"])


async def _sent(request: Awaitable[httpx.Response]) -> Mapping[str, Any]:
    answer = await request
    assert answer.is_success, answer.text
    body: Mapping[str, Any] = answer.json()
    return body
