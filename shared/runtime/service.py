"""A service: an ASGI application with middleware, health, description and lifespan state, and its readiness checks."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route

from shared.auth.authenticator import Authenticator
from shared.domain.errors import InvalidInput
from shared.http.api_group import ApiRoute
from shared.http.health import Check, health_routes
from shared.http.middleware.authentication import AuthenticationMiddleware
from shared.http.middleware.cross_origin import OriginPolicy, cross_origin_middleware
from shared.http.middleware.request_context import RequestContextMiddleware
from shared.http.responses import json_response
from shared.observability.metrics import Metrics
from shared.openapi.route import TITLE, openapi_route

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[Mapping[str, Any]]]
"""Opens what a service works with; what it yields is the state that every request and check of the service sees."""


@dataclass(frozen=True, slots=True)
class Service:
    """One of the four services; `routes` are its public ones, without the health routes that `app` has beside them."""

    name: str
    app: Starlette
    routes: Sequence[BaseRoute]
    checks: Sequence[Check]
    lifespan: Lifespan


_METHOD_NOT_ALLOWED = 405
_NOT_ALLOWED = "method_not_allowed"
_OPENAI_PATHS = "/v1/"  # where clients of OpenAI's API look for its form of an error
_NO_FOREIGN_PAGES = OriginPolicy()


def create_service_app(
    name: str,
    *,
    routes: Sequence[BaseRoute],
    lifespan: Lifespan,
    checks: Sequence[Check],
    metrics: Metrics,
    authenticator: Authenticator,
    origins: OriginPolicy = _NO_FOREIGN_PAGES,
    openapi_route_override: Route | None = None,
) -> Service:
    """Return a service: its routes and the health routes, behind the middleware for context, origin and token.

    Handlers find what `lifespan` yields as `request.state`; the server serves nothing before the lifespan has started.
    `openapi_route_override` replaces the route that describes the service's own routes.
    """
    described = openapi_route_override or openapi_route(f"{TITLE}: {name}", routes)

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with authenticator.lifespan(), lifespan(app) as state:
            yield state

    app = Starlette(
        routes=[*routes, *health_routes(metrics, checks), described],
        lifespan=running,
        middleware=[
            Middleware(RequestContextMiddleware, service=name, metrics=metrics),
            *cross_origin_middleware(origins),
            Middleware(AuthenticationMiddleware, authenticator=authenticator),
        ],
        exception_handlers={HTTPException: _plain_error},
    )
    app.router.redirect_slashes = False  # a redirect would be made of the Host header, and lose a body or a token
    return Service(name, app, routes, checks, running)


def _plain_error(request: Request, error: Exception) -> Response:
    """Return the error response for unknown paths and methods; that for a method in the shape of the path's group."""
    assert isinstance(error, HTTPException)  # noqa: S101  # by registration
    headers = error.headers
    if error.status_code == _METHOD_NOT_ALLOWED:
        routes = _routes_of_path(request)
        allowed = ", ".join(sorted({method for route in routes for method in route.methods or ()}))
        headers = {"Allow": allowed}
        for route in routes:
            if isinstance(route, ApiRoute):
                refused = InvalidInput(f"{request.method} is not allowed here: send {allowed}.", code=_NOT_ALLOWED)
                return json_response(route.group.error_body(request, refused), _METHOD_NOT_ALLOWED, headers)
    if request.url.path.startswith(_OPENAI_PATHS):
        code = error.detail.lower().replace(" ", "_")
        details = {"message": error.detail, "type": "invalid_request_error", "param": None, "code": code}
        return JSONResponse({"error": details}, status_code=error.status_code, headers=headers)
    return JSONResponse({"status": "error", "message": error.detail}, status_code=error.status_code, headers=headers)


def _routes_of_path(request: Request) -> list[Route]:
    """Return the routes that match a path, whatever their methods (RFC 9110, section 10.2.1)."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    return [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
