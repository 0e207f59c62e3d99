"""The four services as one ASGI application on one port."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from shared.auth.authenticator import AnonymousAuthenticator
from shared.http.health import Check
from shared.http.middleware.cross_origin import OriginPolicy
from shared.http.paths import display_path
from shared.observability.metrics import Metrics
from shared.openapi.route import TITLE, openapi_document, openapi_route
from shared.openapi.schemas import Json
from shared.runtime.service import Service, create_service_app


class OneMachine:
    """Passes each connection to the service that has a route for it, with that service's own lifespan state.

    Health, the OpenAPI document and the index are served for all services together; `origins` is their policy.
    """

    def __init__(self, services: Sequence[Service], metrics: Metrics, origins: OriginPolicy | None = None) -> None:
        self._services = services
        self._states: dict[str, Mapping[str, Any]] = {}
        self._checks = [self._named(service, check) for service in services for check in service.checks]
        self._described = [route for service in services for route in service.routes]
        self._own = create_service_app(
            "one-machine",
            routes=[Route("/", self._index)],
            lifespan=self._lifespan,
            checks=self._checks,
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
        """Serve one connection, or the lifespan of all services."""
        service = None if scope["type"] == "lifespan" else self._service_for(scope)
        if service is None:
            await self._own(scope, receive, send)
        else:
            scope["state"] = dict(self._states.get(service.name, {}))  # the server's is that of all services together
            await service.app(scope, receive, send)

    def _service_for(self, scope: Scope) -> Service | None:
        """Return the service with a route for a connection; one that has the path with another method responds 405."""
        partial: Service | None = None
        for service in self._services:
            for route in service.routes:
                match, _ = route.matches(scope)
                if match is Match.FULL:
                    return service
                if match is Match.PARTIAL:
                    partial = partial or service
        return partial

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        """Start the services from the last to the first, so that consumers are there before anything is published.

        They stop the other way round: producers before their consumers.
        """
        async with AsyncExitStack() as stack:
            for service in reversed(self._services):
                stack.callback(self._states.pop, service.name, None)
                self._states[service.name] = await stack.enter_async_context(service.lifespan(service.app))
            yield {}

    async def reasons(self) -> list[str]:
        """Return why any service is not ready, each reason under its service's name."""
        return [reason for check in self._checks if (reason := await check({})) is not None]

    def _named(self, service: Service, check: Check) -> Check:
        """Return `check` on its own service's state, with its reason under the service's name."""

        async def named(_state_of_all: Mapping[str, Any]) -> str | None:
            reason = await check(self._states.get(service.name, {}))
            return None if reason is None else f"{service.name}: {reason}"

        return named

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
