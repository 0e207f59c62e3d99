"""A client of Roomtone, as a phone or a dialler would be: sends chunks, then finalizes."""

import asyncio

import httpx

from deploy.local.demo.errors import DemoError
from deploy.local.demo.frame import ResponseBody

_DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
_RETRYABLE = {408, 429, 502, 503, 504, 507}  # the same request may succeed later
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_FINALIZE_TIMEOUT = httpx.Timeout(120.0, connect=5.0)  # the server itself answers within 60 s, with 202 if need be


class Uploader:
    """Sends one session; retries failures that may pass, which is safe since chunks have indices."""

    def __init__(self, server: str, session: str, client: httpx.AsyncClient) -> None:
        self._server = server
        self._session = session
        self._client = client

    async def send(self, index: int, piece: bytes) -> None:
        """Send one chunk until it is acknowledged; raises DemoError if the server rejects it or stays away."""
        request = self._client.build_request(
            "POST",
            f"{self._server}/upload_chunk/{self._session}",
            params={"chunk_index": index},
            content=piece,
            headers={"Content-Type": "application/octet-stream"},
            timeout=_TIMEOUT,
        )
        await self._accepted(request, f"chunk {index}")

    async def finalize(self) -> ResponseBody:
        """Finalize the session; the response holds the WAV's URL unless assembling takes longer than a minute."""
        request = self._client.build_request(
            "POST", f"{self._server}/finalize/{self._session}", timeout=_FINALIZE_TIMEOUT
        )
        return await self._accepted(request, "the end of the recording")

    async def _accepted(self, request: httpx.Request, what: str) -> ResponseBody:
        problem = ""
        for delay in _DELAYS:
            await asyncio.sleep(delay)
            try:
                response = await self._client.send(request)
            except httpx.TransportError as exc:
                problem = f"it can't be reached any more ({type(exc).__name__})"
                continue
            body = ResponseBody.read(response.content)
            if response.is_success:
                return body
            problem = f"{response.status_code}, {body.message}"
            if response.status_code not in _RETRYABLE:
                break
        raise DemoError(f"{self._server} did not accept {what}: {problem}")


async def check_server(server: str, client: httpx.AsyncClient) -> None:
    """Check that a Roomtone server is healthy at this address; raises DemoError."""
    try:
        response = await client.get(f"{server}/health", timeout=_TIMEOUT)
    except (httpx.TransportError, httpx.InvalidURL) as exc:
        raise DemoError(
            f"No server answers at {server} ({exc or type(exc).__name__}): start one with `make run`, or unset SERVER."
        ) from exc
    if ResponseBody.read(response.content).status != "healthy":
        raise DemoError(f"What answers at {server} is not Roomtone (its /health says {response.status_code}).")
