"""Receives a session's events live over the WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from deploy.local.demo.errors import DemoError
from deploy.local.demo.frame import Frame

Show = Callable[[str], None]
_OPEN_SECONDS = 10
_BROKEN = "The server hung up before it told the result; GET /sessions/{session} tells it once it is there."


class Listener:
    """Shows each event of one session as it comes, and returns the last one."""

    def __init__(self, socket: ClientConnection, show: Show) -> None:
        self._socket = socket
        self._show = show

    async def run(self) -> Frame:
        """Listen until the session's last event and return it; raises DemoError if the server disconnects before."""
        async for message in self._socket:
            text = message if isinstance(message, str) else message.decode(errors="replace")
            frame = Frame.read(text)
            if frame.worth_showing:
                self._show(text)
            if frame.last:
                return frame
        raise DemoError(_BROKEN)


@asynccontextmanager
async def listening(
    server: str, session: str, credentials: Mapping[str, str], show: Show
) -> AsyncIterator[asyncio.Task[Frame]]:
    """Listen to one session in a task, with the headers `credentials`; the task's result is its last event.

    Raises DemoError when the connection can't be opened.
    """
    address = f"ws{server.removeprefix('http')}/notify?session_id={session}"
    try:
        socket = await connect(address, additional_headers=credentials, open_timeout=_OPEN_SECONDS, close_timeout=1)
    except (OSError, TimeoutError, WebSocketException) as exc:
        raise DemoError(f"{address} can't be listened to: {exc or type(exc).__name__}") from exc
    task = asyncio.create_task(Listener(socket, show).run(), name="listener")
    try:
        yield task
    finally:
        await socket.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def last_event(listener: asyncio.Task[Frame], *, within: float) -> Frame:
    """Wait for a session's last event; raises DemoError when it does not come in time."""
    try:
        return await asyncio.wait_for(listener, within)
    except TimeoutError:
        raise DemoError(f"No score within {within:.0f} s: TIMEOUT=… waits longer.") from None
    except WebSocketException as exc:
        raise DemoError(_BROKEN) from exc
