"""Websocket shutdown."""

from collections.abc import Callable

from starlette.types import Scope

_EXTENSION = "roomtone.shutdown"


def on_shutdown(scope: Scope, call: Callable[[], None]) -> None:
    """Have the server call `call` when it stops, instead of closing this WebSocket itself.

    The application then has a few seconds to end the connection, within the server's grace period. Under a server
    without this extension nothing is ever called.
    """
    extension = scope.get("extensions", {}).get(_EXTENSION)
    if extension is not None:
        extension["register"](call)
