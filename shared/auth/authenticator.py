"""Who is calling, from the token that a request carries."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from shared.auth.credentials import short_enough, token_in
from shared.auth.key import VerificationKey
from shared.auth.keys import Freshness, KeySource, OneKey, PublishedKeys
from shared.auth.policy import TokenPolicy
from shared.auth.rejection import TokenRejected
from shared.auth.tokens import parse_token, verify_token
from shared.caller import ANONYMOUS, Caller
from shared.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


class Authenticator(Protocol):
    """Tells who is calling; raises NotAuthenticated for who can't say so, Unavailable while that can't be checked."""

    async def caller_with(self, headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()) -> Caller:
        """Return who sent a request with these headers, or opened a WebSocket offering these subprotocols."""

    async def caller_by(self, token: str) -> Caller:
        """Return whom a token speaks for."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Hold what checking takes, for as long as the service runs."""


class Anonymous:
    """Nobody is asked who they are: no key is configured, and what headers say means nothing."""

    async def caller_with(
        self,
        headers: Iterable[tuple[bytes, bytes]],  # noqa: ARG002  # nothing is read
        subprotocols: Sequence[str] = (),  # noqa: ARG002
    ) -> Caller:
        """Return the anonymous caller."""
        return ANONYMOUS

    async def caller_by(self, token: str) -> Caller:  # noqa: ARG002  # nothing is read
        """Return the anonymous caller."""
        return ANONYMOUS

    def running(self) -> AbstractAsyncContextManager[None]:
        """Hold nothing."""
        return nullcontext()


class Verifying:
    """Every caller has a token that holds; `clock` gives seconds since the epoch."""

    def __init__(
        self, policy: TokenPolicy, keys: KeySource, metrics: Metrics, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._policy = policy
        self._keys = keys
        self._metrics = metrics
        self._clock = clock

    async def caller_with(self, headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()) -> Caller:
        """Take the token out of the headers and check it."""
        with self._counting_rejections():
            return await self._check(token_in(headers, subprotocols))

    async def caller_by(self, token: str) -> Caller:
        """Check a token that came in some other way."""
        with self._counting_rejections():
            return await self._check(short_enough(token))

    def running(self) -> AbstractAsyncContextManager[None]:
        """Hold what the source of keys takes."""
        return self._keys.running()

    async def _check(self, text: str) -> Caller:
        token = parse_token(text, self._policy)
        return verify_token(token, await self._keys.keys_for(token), self._policy, self._clock())

    @contextmanager
    def _counting_rejections(self) -> Iterator[None]:
        try:
            yield
        except TokenRejected as exc:
            self._metrics.jwt_rejects.labels(exc.reason).inc()
            log.info("token refused", reason=exc.reason)
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChecks:
    """How a service checks tokens: what must be in them, and where the keys are, of which there is one place."""

    policy: TokenPolicy
    key: VerificationKey | None = None
    keys_url: str = ""
    freshness: Freshness = field(default_factory=Freshness)


def create_authenticator(checks: TokenChecks | None, metrics: Metrics) -> Authenticator:
    """Return what checks tokens so, or what asks for none."""
    if checks is None:
        return Anonymous()
    keys = (
        OneKey(checks.key) if checks.key else PublishedKeys(checks.keys_url, checks.policy.algorithms, checks.freshness)
    )
    return Verifying(checks.policy, keys, metrics)
