"""A contract family: routes whose handlers know their caller, and whose errors have one shape."""

from collections.abc import Awaitable, Callable

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

Handler = Callable[[Request, Caller], Awaitable[Response]]
ErrorBody = Callable[[Request, RoomtoneError], object]


class ApiRoute(Route):
    """A route of a family, with what it promises; made by `ApiGroup.route` only, which guards it."""

    def __init__(
        self,
        path: str,
        endpoint: ASGIApp,
        *,
        method: str,
        family: "ApiGroup",
        required_permission: Permission,
        operation: Operation,
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.family = family
        self.required_permission = required_permission
        self.operation = operation


class ApiGroup:
    """Makes a family's routes; `error_body` writes any error of ours as the family's dataclass `error_kind`."""

    def __init__(self, name: str, error_body: ErrorBody, error_type: type) -> None:
        self.name = name
        self.error_type = error_type
        self._error_body = error_body

    def route(
        self, method: str, path: str, handler: Handler, *, required_permission: Permission, operation: Operation
    ) -> ApiRoute:
        """Return a route that lets only callers with `needs` through to `handler`, before any body is read."""
        return ApiRoute(
            path,
            _GuardedEndpoint(self, handler, required_permission),
            method=method,
            family=self,
            required_permission=required_permission,
            operation=operation,
        )

    def error_response(self, request: Request, error: RoomtoneError) -> Response:
        """Write one error in the family's shape, with the headers that its status asks for."""
        return json_response(self._error_body(request, error), http_status(error.kind), error_headers(error))


class _GuardedEndpoint:
    """A handler as an ASGI application: starlette's own wrapping would look for exceptions that are never raised."""

    def __init__(self, family: ApiGroup, handler: Handler, required_permission: Permission) -> None:
        self._family = family
        self._handler = handler
        self._needs = required_permission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        answered = await self._answer(request)
        await answered(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            caller = caller_of(request.scope)
            caller.require(self._needs)
            return await self._handler(request, caller)
        except ClientDisconnect:
            log.info("the client hung up before the body was complete")
            return Response(status_code=400)  # nobody is left to read it
        except RoomtoneError as exc:
            return self._family.error_response(request, exc)
        except OSError as exc:
            log.exception("the disk refused")
            return self._family.error_response(request, error_from_os_error(exc))
        except Exception:
            log.exception("unexpected failure")
            failure = Permanent("Something failed on the server: try again.", code="internal")
            return self._family.error_response(request, failure)
