"""Calls by pages of other origins and other names: who may read our answers, and who may not even ask.

Fetch standard, section 3.3, and RFC 9110, section 7.4.
"""

from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from shared.http.origins import is_host_allowed, is_origin_allowed

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SENT = (
    "Authorization",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "Traceparent",
    "X-Request-ID",
)
_READ = ("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After", "X-Request-ID")
_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}  # RFC 9110, section 9.2.1


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """Which pages may call beside our own host's: those of the origins in `allowed`, or all if it holds `*`.

    `guarded` where nobody is asked for a token: then any page in a browser that reaches us could change something
    here, without ever reading the answer, and is refused. With tokens it can't, since no browser adds one by itself.

    `hosts` are the names beside this machine's own under which we may be asked for at all; None to not look.
    """

    allowed: Collection[str] = ()
    reject_foreign_writes: bool = True
    hosts: Collection[str] | None = None


def cross_origin_middleware(policy: OriginPolicy) -> list[Middleware]:
    """Return the middleware, outermost first: it must stand around authentication, as a preflight has no token."""
    middleware = []
    if policy.hosts is not None:
        middleware.append(Middleware(HostCheckMiddleware, allowed=policy.hosts))
    if policy.allowed:
        headers = Middleware(
            CORSMiddleware,
            allow_origins=policy.allowed,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_READ,
        )
        middleware.append(headers)
    if policy.reject_foreign_writes:
        middleware.append(Middleware(OriginCheckMiddleware, allowed=policy.allowed))
    return middleware


class HostCheckMiddleware:
    """Refuses what is asked of a name that is not ours, reading and listening included: to the page it is its own.

    421 rather than 403: the request went to the wrong server, whoever sent it (RFC 9110, section 15.5.20).
    """

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; a WebSocket is refused before the upgrade."""
        if scope["type"] not in {"http", "websocket"} or self._served(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _WRONG_HOST_RESPONSE(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(_WRONG_HOST_RESPONSE)

    def _served(self, headers: Headers) -> bool:
        return is_host_allowed(headers.getlist("host"), self._allowed)


class OriginCheckMiddleware:
    """Refuses what would change something for a page that is not listed, before any of its body is read."""

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; WebSockets have their own rule, which holds with tokens as well."""
        if scope["type"] == "http" and scope["method"] not in _SAFE and not self._welcome(Headers(scope=scope)):
            await _FOREIGN_ORIGIN_RESPONSE(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _welcome(self, headers: Headers) -> bool:
        return is_origin_allowed(headers.getlist("origin"), headers.get("host", ""), self._allowed)


_WRONG_HOST_RESPONSE = JSONResponse(
    {
        "status": "error",
        "code": "other_host",
        "message": "This server is not asked for by this host name: call it as localhost, list the name in "
        "ALLOWED_HOSTS, or configure a key to check tokens.",
    },
    status_code=421,
)
_FOREIGN_ORIGIN_RESPONSE = JSONResponse(
    {
        "status": "error",
        "code": "foreign_origin",
        "message": "This page's origin may not call this server: list it in CORS_ALLOWED_ORIGINS.",
    },
    status_code=403,
)
