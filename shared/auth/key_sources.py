"""Where the keys that verify tokens come from: one in a setting, or a set that the provider publishes."""

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

_MAX_BODY = 256 * 1024
_OK = 200


class KeySource(Protocol):
    """Finds the keys that may have signed a token."""

    async def keys_for(self, token: UnverifiedToken) -> Sequence[VerificationKey]:
        """Return what the token's own name for its key fits; raises Unavailable while no key can be had."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold what finding them takes, for as long as the service runs."""


@dataclass(frozen=True, slots=True)
class StaticKeySource:
    """The key in a setting, whatever a token calls it."""

    key: VerificationKey

    async def keys_for(self, token: UnverifiedToken) -> Sequence[VerificationKey]:  # noqa: ARG002  # there is one
        """Return the key."""
        return [self.key]

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold nothing."""
        return nullcontext()


class JwksKeySource:
    """A JWK set at an address from the settings, kept and fetched anew when it is old or lacks a key."""

    def __init__(
        self,
        url: str,
        algorithms: frozenset[str],
        freshness: JwksCachePolicy,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._url = url
        self._algorithms = algorithms
        self._freshness = freshness
        self._clock = clock
        self._keys: tuple[VerificationKey, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Have an HTTP client; at the end a fetch under way is given up."""
        async with httpx.AsyncClient(follow_redirects=False) as client:
            self._client = client
            try:
                yield
            finally:
                self._client = None
                if self._fetching is not None:
                    await cancel_and_wait([self._fetching])

    async def keys_for(self, token: UnverifiedToken) -> Sequence[VerificationKey]:
        """Return the keys of that name, or all if the token names none; at most one fetch is waited for."""
        age = self._clock() - self._fetched_at
        known = self._by_key_id(token.key_id) if age <= self._freshness.usable_for else []
        if known:
            if age > self._freshness.refresh_after:
                self._begin_fetch()
            return known
        if (fetching := self._begin_fetch()) is not None:
            await asyncio.shield(fetching)  # others wait for it too
        if self._clock() - self._fetched_at > self._freshness.usable_for:
            raise Unavailable("Tokens can't be checked just now: try again in a few seconds.", code="no_keys")
        return self._by_key_id(token.key_id)

    def _by_key_id(self, name: str | None) -> list[VerificationKey]:
        return [key for key in self._keys if name is None or key.name == name]

    def _begin_fetch(self) -> asyncio.Task[None] | None:
        """Return the fetch under way, or a new one if one may begin."""
        if self._fetching is None or self._fetching.done():
            if self._client is None:
                raise RuntimeError("the service is not running")
            if self._clock() - self._tried_at < self._freshness.pause:
                return None
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch(self._client), name="jwks-fetch")
        return self._fetching

    async def _fetch(self, client: httpx.AsyncClient) -> None:
        """Replace the keys, or keep those we have when the provider is away, slow, or says something else."""
        try:
            async with asyncio.timeout(self._freshness.timeout):
                body = await _download(client, self._url)
            self._keys = keys_from_set(body, self._algorithms)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as exc:
            log.warning("the keys that verify tokens could not be fetched", error=type(exc).__name__, detail=str(exc))
            return
        self._fetched_at = self._clock()
        log.info("keys that verify tokens fetched", keys=len(self._keys))


async def _download(client: httpx.AsyncClient, url: str) -> bytes:
    """Read at most 256 KiB, as they come: nothing is unpacked, and no redirect leads elsewhere."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != _OK:
            raise ValueError(f"status {response.status_code}")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _MAX_BODY:
                raise ValueError("a key set of over 256 KiB")
        return bytes(body)
