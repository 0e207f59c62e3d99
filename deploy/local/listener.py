"""Opens the listening socket of the one-machine form, before anything else is started."""

import errno
import os
import socket

_BACKLOG = 2048


class ListenError(Exception):
    """The address can't be listened on; the message says why and what to do."""


def take_port(host: str, port: int) -> socket.socket:
    """Bind and listen at once, so that no other program gets the port; port 0 takes any free one. Raises ListenError.

    Connections made before the server is ready wait in the backlog.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as exc:
        raise ListenError(f"HOST={host} is no address of this machine ({exc.strerror}).") from exc
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        raise ListenError(_advice(host, port, exc)) from exc
    return listener


def _advice(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is taken by another program: stop that program, or set PORT to another number."
        case errno.EACCES:
            return f"Port {port} needs more rights than this process has: set PORT to a number above 1023."
        case errno.EADDRNOTAVAIL:
            return f"HOST={host} is no address of this machine."
        case number:
            return f"{host} port {port} can't be listened on ({os.strerror(number or 0)})."


def address_of(listener: socket.socket) -> str:
    """Return the base URL to call from this machine."""
    host, port = listener.getsockname()[:2]
    callable_host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # shown, not bound
    return f"http://[{callable_host}]:{port}" if ":" in callable_host else f"http://{callable_host}:{port}"
