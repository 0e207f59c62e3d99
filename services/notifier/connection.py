"""One open WebSocket: frames go out, new tokens come in, until the listener ends."""

import asyncio
import json

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.hub import Hub
from services.notifier.listener import CloseReason, Listener
from services.notifier.token_lifetime import TokenLifetime
from shared.auth.authenticator import Authenticator
from shared.domain.errors import NotAllowed, NotAuthenticated, Unavailable


def token_in_frame(text: str) -> str | None:
    """Return the token in a client's text frame, or None: whatever else clients say is ignored."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    token = frame.get("token") if isinstance(frame, dict) else None
    return token if isinstance(token, str) else None


_STALL_SECONDS = 5.0  # for one frame to leave; a client that takes none for so long reads nothing


class NotifyConnection:
    """Carries a listener's frames, and ends it with its client's leaving, its slowness or its token.

    What a client sends beside a token is read and dropped; the server's own limit ends a message that is too big
    with 1009.
    """

    def __init__(
        self, websocket: WebSocket, hub: Hub, listener: Listener, lease: TokenLifetime, authenticator: Authenticator
    ) -> None:
        self._websocket = websocket
        self._hub = hub
        self._listener = listener
        self._lease = lease
        self._authenticator = authenticator

    async def run(self) -> None:
        """Converse on an accepted connection until the listener ends, and close it if that was our doing."""
        beside = [
            asyncio.create_task(self._read(), name="notify-reader"),
            asyncio.create_task(self._watch_token(), name="notify-lease"),
        ]
        try:
            await self._send()
        except WebSocketDisconnect:
            self._listener.close(CloseReason.GONE)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while (frame := await self._listener.next()) is not None:
                async with asyncio.timeout(_STALL_SECONDS):
                    await self._websocket.send_text(frame)
        except TimeoutError:
            self._hub.close(self._listener, CloseReason.TOO_SLOW)
        ending = self._listener.close_reason
        if ending is not None and ending is not CloseReason.GONE:
            await self._websocket.close(ending.code, ending.reason)

    async def _watch_token(self) -> None:
        await self._lease.watch(lambda seconds: self._hub.warn_token_expiring(self._listener, seconds=seconds))
        self._hub.close(self._listener, CloseReason.NOT_AUTHENTICATED)

    async def _read(self) -> None:
        while (message := await self._websocket.receive())["type"] != "websocket.disconnect":
            token = token_in_frame(message.get("text") or "")
            if token is not None:
                await self._renew(token)
        self._listener.close(CloseReason.GONE)

    async def _renew(self, token: str) -> None:
        """Go on with a newer token and the leads that it names, or end; until it is checked the one before counts."""
        try:
            caller = await self._authenticator.authenticate_token(token)
            self._lease.renew(caller)
            self._listener.set_leads(caller.leads)
        except NotAuthenticated:
            self._hub.close(self._listener, CloseReason.NOT_AUTHENTICATED)
        except NotAllowed:
            self._hub.close(self._listener, CloseReason.NOT_ALLOWED)
        except Unavailable:
            return
