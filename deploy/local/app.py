"""The four services as one ASGI application on one port."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth.authenticator import AnonymousAuthenticator
from shared.http.health import Check
from shared.http.middleware.cross_origin import OriginPolicy
from shared.http.paths import display_path
from shared.observability.metrics import Metrics
from shared.openapi.route import TITLE, openapi_document, openapi_route
from shared.openapi.schemas import Json
from shared.runtime.service import Service, create_service_app


class OneMachine:
    """Hands each connection to the service that has a route for it, and answers for all of them together.

    `origins` is for what no service has a route for.
    """

    def __init__(self, services: Sequence[Service], metrics: Metrics, origins: OriginPolicy | None = None) -> None:
        self._services = services
        self.checks = [_named(service.name, check) for service in services for check in service.checks]
        self._described = [route for service in services for route in service.routes]
        self._own = create_service_app(
            "one-machine",
            routes=[Route("/", self._index)],
            lifespan=self._lifespan,
            checks=self.checks,
            metrics=metrics,
            authenticator=AnonymousAuthenticator(),
            origins=origins or OriginPolicy(),
            openapi_route_override=openapi_route(TITLE, self._described),
        ).app

    @property
    def document(self) -> Json:
        """What is served at `/openapi.json`: one document for all four."""
        return openapi_document(TITLE, self._described)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan of all four."""
        app = self._own if scope["type"] == "lifespan" else self._app_for(scope)
        await app(scope, receive, send)

    def _app_for(self, scope: Scope) -> ASGIApp:
        """Return whose route it is; a path with another method goes to its service too, which says 405."""
        partial: ASGIApp | None = None
        for service in self._services:
            for route in service.routes:
                match, _ = route.matches(scope)
                if match is Match.FULL:
                    return service.app
                if match is Match.PARTIAL:
                    partial = partial or service.app
        return partial or self._own

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Start from the road's end to its beginning, so that each service's hearers are there before it speaks.

        Closing goes the other way round: whoever produces work falls silent before those who take it.
        """
        async with AsyncExitStack() as stack:
            for service in reversed(self._services):
                await stack.enter_async_context(_lifespan_of(service.app))
            yield

    async def reasons(self) -> list[str]:
        """Say why the whole is not ready, each reason under its service's name."""
        return [reason for check in self.checks if (reason := await check()) is not None]

    def _index(self, _request: Request) -> Response:
        lines = ["Roomtone, all four services on one machine.", "", *self._callable(), ""]
        return PlainTextResponse("\n".join(lines))

    def _callable(self) -> Iterator[str]:
        for name, routes in [(service.name, service.routes) for service in self._services] + [
            ("all four", self._own.routes)
        ]:
            for route in routes:
                if isinstance(route, Route):
                    methods = "|".join(sorted((route.methods or {"GET"}) - {"HEAD"}))
                    yield f"{methods:10} {display_path(route.path):40} {name}"
                elif isinstance(route, WebSocketRoute):
                    yield f"{'WebSocket':10} {display_path(route.path):40} {name}"


def _lifespan_of(app: Starlette) -> AbstractAsyncContextManager[object]:
    return app.router.lifespan_context(app)


def _named(service: str, check: Check) -> Check:
    """Return `check` with its reason under the service's name."""

    async def named() -> str | None:
        reason = await check()
        return None if reason is None else f"{service}: {reason}"

    return named
