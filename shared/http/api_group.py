"""An API group: routes that require a permission, pass the caller to their handler and share one error body."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.domain.caller import Caller, Permission
from shared.domain.errors import Permanent, RoomtoneError
from shared.http.middleware.authentication import caller_of
from shared.http.operation import Operation
from shared.http.responses import error_from_os_error, error_headers, http_status, json_response

log = structlog.stdlib.get_logger(__name__)

Handler = Callable[[Request[Any], Caller], Awaitable[Response]]
"""A route's handler; what its service has opened is `request.state` (docs/architecture.md)."""

ErrorBody = Callable[[Request, RoomtoneError], object]


class ApiRoute(Route):
    """A route of an API group, with its published description; made by `ApiGroup.route`, which guards it.

    A `frequent` one is called many times a second by each client: its successes are logged at the level debug.
    """

    def __init__(
        self,
        path: str,
        endpoint: ASGIApp,
        *,
        method: str,
        group: "ApiGroup",
        required_permission: Permission,
        operation: Operation,
        frequent: bool,
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.group = group
        self.frequent = frequent
        self.required_permission = required_permission
        self.operation = operation


class ApiGroup:
    """Makes routes whose errors have one shape: `error_body` writes any of our errors as the dataclass `error_type`."""

    def __init__(self, name: str, error_body: ErrorBody, error_type: type) -> None:
        self.name = name
        self.error_type = error_type
        self.error_body = error_body

    def route(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        required_permission: Permission,
        operation: Operation,
        frequent: bool = False,
    ) -> ApiRoute:
        """Return a route that checks the caller's permission before its handler runs, and before any body is read."""
        return ApiRoute(
            path,
            _GuardedEndpoint(self, handler, required_permission),
            method=method,
            group=self,
            required_permission=required_permission,
            operation=operation,
            frequent=frequent,
        )

    def error_response(self, request: Request, error: RoomtoneError) -> Response:
        """Write one error in the group's shape, with the headers that its status asks for."""
        return json_response(self.error_body(request, error), http_status(error.kind), error_headers(error))


class _GuardedEndpoint:
    """A handler as an ASGI application that turns errors into responses, so that starlette's wrapping is not needed."""

    def __init__(self, group: ApiGroup, handler: Handler, required_permission: Permission) -> None:
        self._group = group
        self._handler = handler
        self._required_permission = required_permission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = await self._response(request)
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        try:
            caller = caller_of(request.scope)
            caller.require(self._required_permission)
            return await self._handler(request, caller)
        except ClientDisconnect:
            log.info("the client hung up before the body was complete")
            return Response(status_code=400)  # not sent: the connection is closed
        except RoomtoneError as exc:
            return self._group.error_response(request, exc)
        except OSError as exc:
            log.exception("the disk refused")
            return self._group.error_response(request, error_from_os_error(exc))
        except Exception:
            log.exception("unexpected failure")
            failure = Permanent("Something failed on the server: try again.", code="internal")
            return self._group.error_response(request, failure)
