"""The route `/openapi.json`, which serves a service's OpenAPI document to everyone."""

import json
from collections.abc import Sequence
from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared.http.health import HEALTH_OPERATIONS
from shared.http.operation import Operation, ResponseSpec
from shared.http.responses import JSON
from shared.openapi.document import build_document
from shared.openapi.schemas import Json

TITLE = "Roomtone"
_PATH = "/openapi.json"
_COMMON = {
    **HEALTH_OPERATIONS,
    _PATH: Operation(
        summary="Describe what can be called", responses={200: ResponseSpec(description="An OpenAPI 3.1 document.")}
    ),
}


def openapi_document(title: str, routes: Sequence[BaseRoute]) -> Json:
    """Return the OpenAPI 3.1 document of `routes` and of the operations that every service has."""
    return build_document(title, routes, _COMMON)


def openapi_route(title: str, routes: Sequence[BaseRoute]) -> Route:
    """Return the route of the document, which is built at the first request."""

    @cache
    def content() -> bytes:
        return json.dumps(openapi_document(title, routes), ensure_ascii=False).encode()

    def endpoint(_request: Request) -> Response:  # not async, so in a thread: building takes some milliseconds
        return Response(content(), media_type=JSON)

    return Route(_PATH, endpoint)
