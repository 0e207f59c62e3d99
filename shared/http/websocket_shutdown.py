"""ASGI extension by which the server leaves closing a WebSocket at shutdown to the application."""

from collections.abc import Callable

from starlette.types import Scope

SHUTDOWN_EXTENSION = "roomtone.shutdown"
"""Its name in the scope's `extensions`; the entry's member `register` takes the callback."""


def on_shutdown(scope: Scope, callback: Callable[[], None]) -> None:
    """Register `callback`, which the server calls when it stops, instead of closing this WebSocket itself.

    The application then has 3 s to close the connection, or half of the server's grace period if that is shorter.
    A server without this extension never calls it.
    """
    extension = scope.get("extensions", {}).get(SHUTDOWN_EXTENSION)
    if extension is not None:
        extension["register"](callback)
