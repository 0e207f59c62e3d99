"""Plain ASGI middleware for the request id, the trace, the request metric and the request log."""

from time import perf_counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.paths import HEALTH_PATHS, display_path
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace, set_current_trace

log = structlog.stdlib.get_logger(__name__)

_FIRST_ERROR = 400
_RESPONSE_STARTS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}


class RequestContextMiddleware:
    """Accepts or makes `X-Request-ID`, returns it, times the request and writes one log line for it.

    Successes of routes that are called many times a second have their line at the level debug: a line a chunk costs a
    quarter of the chunks.
    """

    def __init__(self, app: ASGIApp, *, service: str, metrics: Metrics) -> None:
        self._app = app
        self._service = service
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket; lifespan events pass through."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace = new_trace(headers.get("x-request-id"), headers.get("traceparent"))
        set_current_trace(trace)
        status = 500
        started = perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in _RESPONSE_STARTS:
                status = message.get("status", 101)
                MutableHeaders(scope=message)["x-request-id"] = trace.request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if scope["path"] not in HEALTH_PATHS:
                self._record(scope, status, perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        found = scope.get("route")
        route = display_path(getattr(found, "path", "unmatched"))
        method = scope.get("method", "WEBSOCKET")
        if scope["type"] == "http":
            labels = (self._service, method, route, str(status))
            self._metrics.request_seconds.labels(*labels).observe(seconds)
        quiet = getattr(found, "frequent", False) and status < _FIRST_ERROR
        write = log.debug if quiet else log.info
        write("request", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1))
