"""Who is calling, from the token that a request carries."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from shared.auth.jwt_config import JwtConfig
from shared.domain.caller import ANONYMOUS, Caller
from shared.observability.metrics import Metrics


class Authenticator(Protocol):
    """Tells who is calling; raises NotAuthenticated for who can't say so, Unavailable while that can't be checked."""

    async def authenticate_request(
        self, headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()
    ) -> Caller:
        """Return who sent a request with these headers, or opened a WebSocket offering these subprotocols."""

    async def authenticate_token(self, token: str) -> Caller:
        """Return whom a token speaks for."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold what checking takes, for as long as the service runs."""


class AnonymousAuthenticator:
    """Nobody is asked who they are: no key is configured, and what headers say means nothing."""

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
        """Hold nothing."""
        return nullcontext()


def create_authenticator(checks: JwtConfig | None, metrics: Metrics) -> Authenticator:
    """Return what checks tokens so, or what asks for none."""
    if checks is None:
        return AnonymousAuthenticator()
    from shared.auth.jwt_authenticator import create_jwt_authenticator  # noqa: PLC0415  # 9 MB, for nothing where nobody is asked

    return create_jwt_authenticator(checks, metrics)
