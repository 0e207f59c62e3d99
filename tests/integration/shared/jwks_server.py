"""An identity provider's key set on a real port, which answers as told and counts who asks."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.tokens import good_claims

_REASON = b"HTTP/1.1 %d Whatever\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n"


class JwksServer:
    """`fetches` counts requests; the next answers are `status`, `body` and `headers`, once `answering` is set."""

    def __init__(self) -> None:
        self.fetches = 0
        self.paths: set[str] = set()
        self.status = 200
        self.body = b"{}"
        self.headers = b""
        self.answering = asyncio.Event()
        self.answering.set()
        self.url = ""

    def publish(self, *keys: RSAKey | ECKey | OctKey, **members: object) -> None:
        """Answer with a key set; `members` go into each of its keys."""
        self.body = json.dumps({"keys": [key.as_dict(private=False) | members for key in keys]}).encode()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.fetches += 1
        self.paths.add(head.split(b" ")[1].decode())
        try:
            await self.answering.wait()
            writer.write(_REASON % (self.status, len(self.body), self.headers) + self.body)
            await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        async with await asyncio.start_server(self._answer, sock=listener):
            try:
                yield
            finally:
                self.answering.set()


def rsa_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name})


def token_by(key: RSAKey | ECKey, *, name: str | None = "", algorithm: str = "RS256", **claims: object) -> str:
    """Sign a good token by `key`, under its own name, another one, or none."""
    header = {"alg": algorithm, "kid": key.kid if name == "" else name}
    text = {member: value for member, value in header.items() if value is not None}
    return jws.serialize_compact(
        text, json.dumps(good_claims(**claims)), key, registry=_Registry(algorithms=[algorithm])
    )


class _Registry(jws.JWSRegistry):
    max_header_length = 4096
