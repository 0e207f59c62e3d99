"""Plain ASGI middleware that authenticates the caller; each API group rejects it with its own error body."""

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth.authenticator import Authenticator
from shared.auth.errors import RejectReason, TokenRejected
from shared.domain.caller import Caller
from shared.domain.errors import RoomtoneError
from shared.http.paths import HEALTH_PATHS

_RESULT = "roomtone.caller"


class AuthenticationMiddleware:
    """Checks the token of each request and WebSocket once, and puts the caller or the error into the scope."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket; on health paths no token is checked, as none is needed."""
        if scope["type"] in {"http", "websocket"} and scope["path"] not in HEALTH_PATHS:
            scope[_RESULT] = await self._result(scope)
        await self._app(scope, receive, send)

    async def _result(self, scope: Scope) -> Caller | RoomtoneError:
        try:
            return await self._authenticator.authenticate_request(scope["headers"], scope.get("subprotocols", ()))
        except RoomtoneError as exc:
            return exc


def caller_of(scope: Scope) -> Caller:
    """Return the caller; raises NotAuthenticated, also if the token was not checked, and Unavailable."""
    result: Caller | RoomtoneError = scope.get(_RESULT) or TokenRejected(RejectReason.MISSING)
    if isinstance(result, RoomtoneError):
        raise result
    return result
