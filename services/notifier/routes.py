"""`GET /notify`: the WebSocket's handshake, its checks and its error responses (docs/contracts.md, section 6)."""

from collections.abc import Collection, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from services.notifier.connection import NotifyConnection
from services.notifier.hub import Hub
from services.notifier.listener import CloseReason
from services.notifier.subscription import parse_subscription, reject_url_tokens
from services.notifier.token_lifetime import TokenLifetime
from shared.auth.authenticator import Authenticator
from shared.auth.credentials import SUBPROTOCOL
from shared.domain.caller import Caller
from shared.domain.errors import InvalidInput, NotAllowed, NotAuthenticated, RoomtoneError, Unavailable
from shared.http.middleware.authentication import caller_of
from shared.http.origins import is_origin_allowed
from shared.http.responses import error_headers, http_status
from shared.http.websocket_shutdown import on_shutdown

_PATH = "/notify"
_RETRY_AFTER = {"Retry-After": "5"}


def notify_routes(hub: Hub, allowed_origins: Collection[str], authenticator: Authenticator) -> list[BaseRoute]:
    """Return the routes of `/notify`: the WebSocket, and a 426 response to a plain HTTP request."""
    endpoint = NotifyEndpoint(hub, allowed_origins, authenticator)
    return [WebSocketRoute(_PATH, endpoint.serve), Route(_PATH, _upgrade_required)]


class NotifyEndpoint:
    """Serves `/notify`; rejects a handshake by an HTTP status, or for its token by a close code.

    Browsers hide the status of a rejected upgrade from the page, so a connection without a valid token is accepted and
    closed at once with 4401 or 4403. Verification keys that can't be loaded are a 503 all the same: a page tries again
    after any failure, which is right in this case.
    """

    def __init__(self, hub: Hub, allowed_origins: Collection[str], authenticator: Authenticator) -> None:
        self._hub = hub
        self._allowed_origins = allowed_origins
        self._authenticator = authenticator

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection from its handshake to its end."""
        origins = websocket.headers.getlist("origin")
        if not is_origin_allowed(origins, websocket.headers.get("host", ""), self._allowed_origins):
            await websocket.send_denial_response(_error(403, "foreign_origin", "This page's origin may not listen."))
            return
        try:
            reject_url_tokens(websocket.query_params.multi_items())
            await self._listen(websocket, caller_of(websocket.scope))
        except NotAuthenticated:
            await _close_at_once(websocket, CloseReason.NOT_AUTHENTICATED)
        except NotAllowed:
            await _close_at_once(websocket, CloseReason.NOT_ALLOWED)
        except InvalidInput as exc:
            await websocket.send_denial_response(_error_response(exc))
        except Unavailable as exc:
            await websocket.send_denial_response(_error_response(exc, _RETRY_AFTER))

    async def _listen(self, websocket: WebSocket, caller: Caller) -> None:
        """Send `caller` the events of their tenant that belong to no lead or to one of their leads."""
        lifetime = TokenLifetime(caller)
        query = websocket.query_params.multi_items()
        subscription = parse_subscription(query, tenant=caller.tenant, leads=caller.leads)
        with self._hub.register(subscription) as listener:
            on_shutdown(websocket.scope, lambda: self._hub.close(listener, CloseReason.GOING_AWAY))
            await websocket.accept(_subprotocol(websocket))
            await NotifyConnection(websocket, self._hub, listener, lifetime, self._authenticator).run()


def _subprotocol(websocket: WebSocket) -> str | None:
    """Return the subprotocol `roomtone` if it was offered; never the other one, which is a token."""
    return SUBPROTOCOL if SUBPROTOCOL in websocket.scope["subprotocols"] else None


async def _close_at_once(websocket: WebSocket, close_reason: CloseReason) -> None:
    await websocket.accept(_subprotocol(websocket))
    await websocket.close(close_reason.code, close_reason.reason)


async def _upgrade_required(request: Request) -> Response:
    """Respond to plain HTTP with 426 (RFC 9110, section 15.5.22), to authenticated callers only."""
    try:
        caller_of(request.scope)
    except NotAuthenticated as exc:
        return _error_response(exc, error_headers(exc))
    except Unavailable as exc:
        return _error_response(exc, _RETRY_AFTER)
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return _error(426, "upgrade_required", "This address speaks WebSocket: connect with ws:// or wss://.", headers)


def _error_response(error: RoomtoneError, headers: Mapping[str, str] | None = None) -> Response:
    return _error(http_status(error.kind), error.code, error.message, headers)


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"status": "error", "code": code, "message": message}, status_code=status, headers=headers)
