"""Callers whose tokens are checked."""

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
    """Every caller has a token that holds; `clock` gives seconds since the epoch."""

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
        """Take the token out of the headers and check it."""
        with self._counting_rejections():
            return await self._check(bearer_token(headers, subprotocols))

    async def authenticate_token(self, token: str) -> Caller:
        """Check a token that came in some other way."""
        with self._counting_rejections():
            return await self._check(check_token_length(token))

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold what the source of keys takes."""
        return self._keys.lifespan()

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


def create_jwt_authenticator(checks: JwtConfig, metrics: Metrics) -> JwtAuthenticator:
    """Return what checks tokens so."""
    keys = (
        StaticKeySource(checks.key)
        if checks.key
        else JwksKeySource(checks.keys_url, checks.policy.algorithms, checks.freshness)
    )
    return JwtAuthenticator(checks.policy, keys, metrics)
