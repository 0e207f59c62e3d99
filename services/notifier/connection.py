"""One accepted WebSocket: sends a listener's frames, and reads new tokens, until it closes."""

import asyncio
import json

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.hub import Hub
from services.notifier.listener import CloseReason, Listener
from services.notifier.token_lifetime import TokenLifetime
from shared.auth.authenticator import Authenticator
from shared.domain.errors import NotAllowed, NotAuthenticated, Unavailable


def token_in_frame(text: str) -> str | None:
    """Return the token in a client's text frame, `{"token": "…"}`, or None for any other text, which is ignored."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    token = frame.get("token") if isinstance(frame, dict) else None
    return token if isinstance(token, str) else None


_STALL_SECONDS = 5.0  # for sending one frame; a client that takes none for so long does not read at all


class NotifyConnection:
    """Sends a listener's frames, and closes it when its client disconnects, is too slow, or its token expires.

    Client messages other than a token are read and dropped; the server's size limit closes the connection with 1009.
    """

    def __init__(
        self, websocket: WebSocket, hub: Hub, listener: Listener, lifetime: TokenLifetime, authenticator: Authenticator
    ) -> None:
        self._websocket = websocket
        self._hub = hub
        self._listener = listener
        self._lifetime = lifetime
        self._authenticator = authenticator

    async def run(self) -> None:
        """Run an accepted connection until it closes; sends the close frame unless the client has disconnected."""
        tasks = [
            asyncio.create_task(self._read(), name="notify-reader"),
            asyncio.create_task(self._watch_token(), name="notify-token-lifetime"),
        ]
        try:
            await self._send()
        except WebSocketDisconnect:
            self._listener.close(CloseReason.GONE)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while (frame := await self._listener.next()) is not None:
                async with asyncio.timeout(_STALL_SECONDS):
                    await self._websocket.send_text(frame)
        except TimeoutError:
            self._hub.close(self._listener, CloseReason.TOO_SLOW)
        close_reason = self._listener.close_reason
        if close_reason is not None and close_reason is not CloseReason.GONE:
            await self._websocket.close(close_reason.code, close_reason.reason)

    async def _watch_token(self) -> None:
        await self._lifetime.watch(lambda seconds: self._hub.warn_token_expiring(self._listener, seconds=seconds))
        self._hub.close(self._listener, CloseReason.NOT_AUTHENTICATED)

    async def _read(self) -> None:
        while (message := await self._websocket.receive())["type"] != "websocket.disconnect":
            token = token_in_frame(message.get("text") or "")
            if token is not None:
                await self._renew(token)
        self._listener.close(CloseReason.GONE)

    async def _renew(self, token: str) -> None:
        """Check a newer token and go on with its lifetime and leads; close if it is not valid or not allowed.

        Until it is checked, and where it can't be checked now, the token before it stays.
        """
        try:
            caller = await self._authenticator.authenticate_token(token)
            self._lifetime.renew(caller)
            self._listener.set_leads(caller.leads)
        except NotAuthenticated:
            self._hub.close(self._listener, CloseReason.NOT_AUTHENTICATED)
        except NotAllowed:
            self._hub.close(self._listener, CloseReason.NOT_ALLOWED)
        except Unavailable:
            return
