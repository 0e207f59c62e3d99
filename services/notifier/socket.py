"""`/notify`: the WebSocket's thin shell around a listener."""

import asyncio
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.hub import Hub
from services.notifier.listener import Ending, Listener
from services.notifier.origin import origin_allowed
from services.notifier.subscription import parse_subscription
from shared.errors import InvalidInput, Unavailable
from shared.http.statuses import status_of
from shared.http.websocket import on_shutdown
from shared.identifiers import DEFAULT_TENANT

_PATH = "/notify"
_SUBPROTOCOL = "roomtone"
_STALL_SECONDS = 5.0  # for one frame to leave; a client that takes none for so long reads nothing
_RETRY_AFTER = {"Retry-After": "5"}


def notify_routes(hub: Hub, allowed_origins: Collection[str]) -> list[BaseRoute]:
    """Return `/notify`, and what it says to a request that is no WebSocket."""
    socket = NotifySocket(hub, allowed_origins)
    return [WebSocketRoute(_PATH, socket.serve), Route(_PATH, _upgrade_required)]


class NotifySocket:
    """Refuses before the upgrade what it can't serve, and carries a listener's frames for the rest.

    What a client sends is read and dropped; the server's own limit ends a message that is too big with 1009.
    """

    def __init__(self, hub: Hub, allowed_origins: Collection[str]) -> None:
        self._hub = hub
        self._allowed_origins = allowed_origins

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection from its handshake to its end."""
        origins = websocket.headers.getlist("origin")
        if not origin_allowed(origins, websocket.headers.get("host", ""), self._allowed_origins):
            await websocket.send_denial_response(_refusal(403, "foreign_origin", "This page's origin may not listen."))
            return
        try:
            subscription = parse_subscription(websocket.query_params.multi_items(), tenant=DEFAULT_TENANT)
            with self._hub.listening(subscription) as listener:
                await self._converse(websocket, listener)
        except InvalidInput as exc:
            await websocket.send_denial_response(_refusal(status_of(exc.kind), exc.code, exc.message))
        except Unavailable as exc:
            await websocket.send_denial_response(_refusal(status_of(exc.kind), exc.code, exc.message, _RETRY_AFTER))

    async def _converse(self, websocket: WebSocket, listener: Listener) -> None:
        """Carry frames until the listener ends: by its client's leaving, by our shutdown, by being too slow."""
        on_shutdown(websocket.scope, lambda: self._hub.let_go(listener, Ending.GOING_AWAY))
        subprotocol = _SUBPROTOCOL if _SUBPROTOCOL in websocket.scope["subprotocols"] else None
        await websocket.accept(subprotocol)
        reading = asyncio.create_task(_read_to_the_end(websocket, listener), name="notify-reader")
        try:
            await self._send_to_the_end(websocket, listener)
        except WebSocketDisconnect:
            listener.end(Ending.GONE)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _send_to_the_end(self, websocket: WebSocket, listener: Listener) -> None:
        try:
            while (frame := await listener.next()) is not None:
                async with asyncio.timeout(_STALL_SECONDS):
                    await websocket.send_text(frame)
        except TimeoutError:
            self._hub.let_go(listener, Ending.TOO_SLOW)
        if listener.ending in {Ending.TOO_SLOW, Ending.GOING_AWAY}:
            await websocket.close(listener.ending.code, listener.ending.reason)


async def _read_to_the_end(websocket: WebSocket, listener: Listener) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    listener.end(Ending.GONE)


async def _upgrade_required(_request: Request) -> Response:
    """Answer plain HTTP (RFC 9110, section 15.5.22)."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return _refusal(426, "upgrade_required", "This address speaks WebSocket: connect with ws:// or wss://.", headers)


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": "error", "code": code, "message": message}, status_code=status, headers=headers)
