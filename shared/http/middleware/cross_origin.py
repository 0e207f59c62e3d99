"""Middleware for requests by pages of other origins: CORS, and checks of the Host and Origin headers.

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
_REQUEST_HEADERS = (
    "Authorization",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "Traceparent",
    "X-Request-ID",
)
_EXPOSED_HEADERS = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Location",
    "Retry-After",
    "X-Request-ID",
)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}  # RFC 9110, section 9.2.1


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """Which pages may call besides those of the server's own host: of the origins in `allowed`, or all if it has `*`.

    `reject_foreign_writes` where no token is required: any page in a browser that reaches the server could otherwise
    change something, without ever reading the response. With tokens it can't, since no browser adds one by itself.

    `hosts` are the host names allowed besides the machine's own; None for no check.
    """

    allowed: Collection[str] = ()
    reject_foreign_writes: bool = True
    hosts: Collection[str] | None = None


def cross_origin_middleware(policy: OriginPolicy) -> list[Middleware]:
    """Return the middleware, outermost first; it must be outside authentication, as a preflight has no token."""
    middleware = []
    if policy.hosts is not None:
        middleware.append(Middleware(HostCheckMiddleware, allowed=policy.hosts))
    if policy.allowed:
        headers = Middleware(
            CORSMiddleware,
            allow_origins=policy.allowed,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
        middleware.append(headers)
    if policy.reject_foreign_writes:
        middleware.append(Middleware(OriginCheckMiddleware, allowed=policy.allowed))
    return middleware


class HostCheckMiddleware:
    """Rejects every request and WebSocket with a wrong host name, reads too: for the page it is the same origin.

    421 rather than 403: the request went to the wrong server (RFC 9110, section 15.5.20).
    """

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket; a WebSocket is rejected before the upgrade."""
        if scope["type"] not in {"http", "websocket"} or self._is_allowed(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _WRONG_HOST_RESPONSE(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(_WRONG_HOST_RESPONSE)

    def _is_allowed(self, headers: Headers) -> bool:
        return is_host_allowed(headers.getlist("host"), self._allowed)


class OriginCheckMiddleware:
    """Rejects writes by pages that are not allowed, before their body is read."""

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; WebSockets have their own check, with tokens as well."""
        writes = scope["type"] == "http" and scope["method"] not in _SAFE_METHODS
        if writes and not self._is_allowed(Headers(scope=scope)):
            await _FOREIGN_ORIGIN_RESPONSE(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_allowed(self, headers: Headers) -> bool:
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
