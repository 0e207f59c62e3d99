"""Authenticates callers by JWT; imported only where a key is configured, as its libraries take 9 MB."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager

import structlog

from shared.auth.credentials import bearer_token, check_token_length
from shared.auth.errors import TokenRejected
from shared.auth.jwt_config import JwtConfig
from shared.auth.key_sources import JwksKeySource, KeySource, StaticKeySource
from shared.auth.policy import TokenPolicy
from shared.auth.tokens import parse_token, verify_token
from shared.domain.caller import Caller
from shared.observability.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


class JwtAuthenticator:
    """Authenticates callers by JWT, and counts and logs rejected tokens; `clock` gives seconds since the epoch."""

    def __init__(
        self, policy: TokenPolicy, keys: KeySource, metrics: Metrics, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._policy = policy
        self._keys = keys
        self._metrics = metrics
        self._clock = clock

    async def authenticate_request(
        self, headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()
    ) -> Caller:
        """Return the caller whom the token in the headers or subprotocols names; raises TokenRejected."""
        with self._count_rejections():
            return await self._verify(bearer_token(headers, subprotocols))

    async def authenticate_token(self, token: str) -> Caller:
        """Return the caller whom a token outside of headers names; raises TokenRejected."""
        with self._count_rejections():
            return await self._verify(check_token_length(token))

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold the resources of the key source."""
        return self._keys.lifespan()

    async def _verify(self, text: str) -> Caller:
        token = parse_token(text, self._policy)
        return verify_token(token, await self._keys.keys_for(token), self._policy, self._clock())

    @contextmanager
    def _count_rejections(self) -> Iterator[None]:
        try:
            yield
        except TokenRejected as exc:
            self._metrics.jwt_rejects.labels(exc.reason).inc()
            log.info("token rejected", reason=exc.reason)
            raise


def create_jwt_authenticator(config: JwtConfig, metrics: Metrics) -> JwtAuthenticator:
    """Return the authenticator with the key, or the JWK set, of a configuration."""
    keys = (
        StaticKeySource(config.key)
        if config.key
        else JwksKeySource(config.jwks_url, config.policy.algorithms, config.cache_policy)
    )
    return JwtAuthenticator(config.policy, keys, metrics)
