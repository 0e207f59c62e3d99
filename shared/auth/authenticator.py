"""Authenticates the caller of a request by its token."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from shared.auth.jwt_config import JwtConfig
from shared.domain.caller import ANONYMOUS, Caller
from shared.observability.metrics import Metrics


class Authenticator(Protocol):
    """Returns the caller; raises NotAuthenticated without a valid token, Unavailable while tokens can't be verified."""

    async def authenticate_request(
        self, headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()
    ) -> Caller:
        """Return the caller of a request with these headers, or of a WebSocket that offers these subprotocols."""

    async def authenticate_token(self, token: str) -> Caller:
        """Return the caller whom a token names."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold the resources of verification for as long as the service runs."""


class AnonymousAuthenticator:
    """Authentication is off, as no key is configured: every caller is anonymous, and headers are ignored."""

    async def authenticate_request(
        self,
        headers: Iterable[tuple[bytes, bytes]],  # noqa: ARG002  # nothing is read
        subprotocols: Sequence[str] = (),  # noqa: ARG002
    ) -> Caller:
        """Return the anonymous caller."""
        return ANONYMOUS

    async def authenticate_token(self, token: str) -> Caller:  # noqa: ARG002  # nothing is read
        """Return the anonymous caller."""
        return ANONYMOUS

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold no resources."""
        return nullcontext()


def create_authenticator(config: JwtConfig | None, metrics: Metrics) -> Authenticator:
    """Return the authenticator of a JWT configuration; without one, authentication is off."""
    if config is None:
        return AnonymousAuthenticator()
    from shared.auth.jwt_authenticator import create_jwt_authenticator  # noqa: PLC0415  # 9 MB, only where tokens are needed

    return create_jwt_authenticator(config, metrics)
