"""A fake identity provider: serves a JWK set on a real port, responds as configured, and counts the requests."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.tokens import good_claims

_RESPONSE = b"HTTP/1.1 %d Whatever\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n"


class JwksServer:
    """Counts requests in `fetches`, and responds with `status`, `headers` and `body` once `responding` is set."""

    def __init__(self) -> None:
        self.fetches = 0
        self.paths: set[str] = set()
        self.status = 200
        self.body = b"{}"
        self.headers = b""
        self.responding = asyncio.Event()
        self.responding.set()
        self.url = ""

    def publish(self, *keys: RSAKey | ECKey | OctKey, **members: object) -> None:
        """Serve a JWK set of `keys` from now on; `members` are added to each of its keys."""
        self.body = json.dumps({"keys": [key.as_dict(private=False) | members for key in keys]}).encode()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.fetches += 1
        self.paths.add(head.split(b" ")[1].decode())
        try:
            await self.responding.wait()
            writer.write(_RESPONSE % (self.status, len(self.body), self.headers) + self.body)
            await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        async with await asyncio.start_server(self._respond, sock=listener):
            try:
                yield
            finally:
                self.responding.set()


def rsa_key(key_id: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": key_id})


def token_by(key: RSAKey | ECKey, *, key_id: str | None = "", algorithm: str = "RS256", **claims: object) -> str:
    """Return a valid token signed by `key`, with the key's own id, another one, or none."""
    members = {"alg": algorithm, "kid": key.kid if key_id == "" else key_id}
    header = {name: value for name, value in members.items() if value is not None}
    return jws.serialize_compact(
        header, json.dumps(good_claims(**claims)), key, registry=_Registry(algorithms=[algorithm])
    )


class _Registry(jws.JWSRegistry):
    max_header_length = 4096
