"""Sources of the keys that verify tokens: one key from a setting, or a JWK set that an identity provider publishes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import httpx
import structlog

from shared.auth.jwt_config import JwksCachePolicy
from shared.auth.tokens import UnverifiedToken
from shared.auth.verification_keys import VerificationKey, keys_from_set
from shared.domain.errors import Unavailable
from shared.process.tasks import cancel_and_wait

log = structlog.stdlib.get_logger(__name__)

_MAX_JWKS_BYTES = 256 * 1024
_OK = 200


class KeySource(Protocol):
    """Finds the keys that may have signed a token."""

    async def keys_for(self, token: UnverifiedToken) -> Sequence[VerificationKey]:
        """Return the keys that match the token's key id; raises Unavailable while no keys are available."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold the source's resources for as long as the service runs."""


@dataclass(frozen=True, slots=True)
class StaticKeySource:
    """The one key in a setting, whatever key id a token names."""

    key: VerificationKey

    async def keys_for(self, token: UnverifiedToken) -> Sequence[VerificationKey]:  # noqa: ARG002  # there is one
        """Return the one key."""
        return [self.key]

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold no resources."""
        return nullcontext()


class JwksKeySource:
    """A JWK set (RFC 7517, section 5) at a URL, cached, and fetched again when it is old or lacks a key."""

    def __init__(
        self,
        url: str,
        algorithms: frozenset[str],
        cache_policy: JwksCachePolicy,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._url = url
        self._algorithms = algorithms
        self._cache_policy = cache_policy
        self._clock = clock
        self._keys: tuple[VerificationKey, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetch_task: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Hold an HTTP client; a running fetch is cancelled at the end."""
        async with httpx.AsyncClient(follow_redirects=False) as client:
            self._client = client
            try:
                yield
            finally:
                self._client = None
                if self._fetch_task is not None:
                    await cancel_and_wait([self._fetch_task])

    async def keys_for(self, token: UnverifiedToken) -> Sequence[VerificationKey]:
        """Return the keys of the token's key id, or all if the token names none; waits for at most one fetch."""
        age = self._clock() - self._fetched_at
        cached = self._by_key_id(token.key_id) if age <= self._cache_policy.usable_for else []
        if cached:
            if age > self._cache_policy.refresh_after:
                self._start_fetch()
            return cached
        if (fetch := self._start_fetch()) is not None:
            await asyncio.shield(fetch)  # other requests wait for it too
        if self._clock() - self._fetched_at > self._cache_policy.usable_for:
            raise Unavailable("Tokens can't be checked just now: try again in a few seconds.", code="no_keys")
        return self._by_key_id(token.key_id)

    def _by_key_id(self, key_id: str | None) -> list[VerificationKey]:
        return [key for key in self._keys if key_id is None or key.key_id == key_id]

    def _start_fetch(self) -> asyncio.Task[None] | None:
        """Return the running fetch, a new one, or None when the last one is too recent."""
        if self._fetch_task is None or self._fetch_task.done():
            if self._client is None:
                raise RuntimeError("the service is not running")
            if self._clock() - self._tried_at < self._cache_policy.min_interval:
                return None
            self._tried_at = self._clock()
            self._fetch_task = asyncio.create_task(self._fetch(self._client), name="jwks-fetch")
        return self._fetch_task

    async def _fetch(self, client: httpx.AsyncClient) -> None:
        """Replace the cached keys; they stay if the provider is unreachable, slow, or sends no JWK set."""
        try:
            async with asyncio.timeout(self._cache_policy.timeout):
                body = await _download(client, self._url)
            self._keys = keys_from_set(body, self._algorithms)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as exc:
            log.warning("the keys that verify tokens could not be fetched", error=type(exc).__name__, detail=str(exc))
            return
        self._fetched_at = self._clock()
        log.info("keys that verify tokens fetched", keys=len(self._keys))


async def _download(client: httpx.AsyncClient, url: str) -> bytes:
    """Read at most 256 KiB of a response's raw body: it is not decompressed, and redirects are not followed."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != _OK:
            raise ValueError(f"status {response.status_code}")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _MAX_JWKS_BYTES:
                raise ValueError("a key set of over 256 KiB")
        return bytes(body)
