"""Plain ASGI middleware that finds out who is calling; what comes of it, each contract family says in its way."""

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth.authenticator import Authenticator
from shared.auth.errors import RejectReason, TokenRejected
from shared.domain.caller import Caller
from shared.domain.errors import RoomtoneError
from shared.http.paths import HEALTH_PATHS

CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""The header that goes with every 401 (RFC 9110, section 11.6.1)."""

_RESULT = "roomtone.caller"


class AuthenticationMiddleware:
    """Checks the token of each request and WebSocket once, and leaves the caller or the error in the scope."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; health paths cost no check, since those who ask them need no answer to it."""
        if scope["type"] in {"http", "websocket"} and scope["path"] not in HEALTH_PATHS:
            scope[_RESULT] = await self._result(scope)
        await self._app(scope, receive, send)

    async def _result(self, scope: Scope) -> Caller | RoomtoneError:
        try:
            return await self._authenticator.authenticate_request(scope["headers"], scope.get("subprotocols", ()))
        except RoomtoneError as exc:
            return exc


def caller_of(scope: Scope) -> Caller:
    """Return who is calling; raises NotAuthenticated, also if nobody looked, and Unavailable."""
    result: Caller | RoomtoneError = scope.get(_RESULT) or TokenRejected(RejectReason.MISSING)
    if isinstance(result, RoomtoneError):
        raise result
    return result
