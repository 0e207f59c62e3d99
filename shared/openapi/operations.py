"""The operations of the OpenAPI document, read from the routes: method, path, and all responses, errors included.

The texts that describe the kinds of errors stand here as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import assert_never

from starlette.routing import BaseRoute

from shared.domain.caller import Permission
from shared.domain.errors import ErrorKind
from shared.http.api_group import ApiRoute
from shared.http.operation import Operation, ResponseSpec
from shared.http.paths import display_path
from shared.http.responses import http_status

COMMON_ERRORS = (ErrorKind.NOT_AUTHENTICATED, ErrorKind.NOT_ALLOWED, ErrorKind.PERMANENT, ErrorKind.UNAVAILABLE)
"""Errors that every route of an API group may respond with: of the token, of the verification keys, of the server."""


def error_response_specs(kinds: Iterable[ErrorKind], error: type) -> Iterator[tuple[int, ResponseSpec]]:
    """Yield the status and the response of each kind of error, each once; several may share a status."""
    for kind in dict.fromkeys(kinds):
        yield http_status(kind), ResponseSpec(description=_description(kind), model=error, headers=_headers(kind))


def _headers(kind: ErrorKind) -> dict[str, str]:
    match kind:
        case ErrorKind.NOT_AUTHENTICATED:
            return {"WWW-Authenticate": '`Bearer`, with `error="invalid_token"` for a token (RFC 6750, section 3).'}
        case ErrorKind.NOT_ALLOWED:
            return {"WWW-Authenticate": '`Bearer error="insufficient_scope"` with the `scope` that the token lacks.'}
        case ErrorKind.RANGE_NOT_SATISFIABLE:
            return {"Content-Range": "How many bytes there are: `bytes */<size>` (RFC 9110, section 14.4)."}
        case ErrorKind.RATE_LIMITED | ErrorKind.UNAVAILABLE | ErrorKind.OUT_OF_SPACE:
            return {"Retry-After": "After how many seconds to send the same again."}
        case _:
            return {}


def _description(kind: ErrorKind) -> str:  # noqa: C901, PLR0912  # one case a kind
    match kind:
        case ErrorKind.INVALID:
            return "The request, an identifier or a field is malformed; the message says which."
        case ErrorKind.EMPTY_SESSION:
            return "There is nothing to work on yet: no chunk was sent."
        case ErrorKind.NOT_AUTHENTICATED:
            return "No token, or one that does not hold."
        case ErrorKind.NOT_ALLOWED:
            return "The token holds, and does not cover this."
        case ErrorKind.NOT_FOUND:
            return "There is no such thing for this caller."
        case ErrorKind.TOO_SLOW:
            return "The body stopped arriving; nothing of it was kept."
        case ErrorKind.CONFLICT:
            return "The request disagrees with what is already stored; the message says how."
        case ErrorKind.TOO_LARGE:
            return "Over a declared or counted limit; the message says which."
        case ErrorKind.UNSUPPORTED:
            return "A content type or content encoding that is not taken here."
        case ErrorKind.RANGE_NOT_SATISFIABLE:
            return "No byte is in the range that was asked for."
        case ErrorKind.PRECONDITION_FAILED:
            return "It is another version than `If-Match` or `If-Unmodified-Since` names."
        case ErrorKind.RATE_LIMITED:
            return "More requests than one caller may send."
        case ErrorKind.PERMANENT:
            return "The server failed, or the recording can't be worked on; the message says which."
        case ErrorKind.UNAVAILABLE:
            return "Something that this needs is away for now."
        case ErrorKind.OUT_OF_SPACE:
            return "The disk is short of space or full; what was acknowledged before is intact."
        case _:
            assert_never(kind)


COMMON = "Every service"
"""The tag of operations that belong to no API group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedOperation:
    """One operation with its method in lower case, and all its responses by status, errors included.

    It is open to everyone if `required_permission` is None.
    """

    method: str
    path: str
    operation: Operation
    responses: Mapping[int, Sequence[ResponseSpec]]
    tag: str = COMMON
    required_permission: Permission | None = None


def describe_operations(routes: Iterable[BaseRoute], common: Mapping[str, Operation]) -> list[DescribedOperation]:
    """Return the operations of the API groups' routes in their order, then the `common` GET operations, by path."""
    of_groups = [_group_operation(route) for route in routes if isinstance(route, ApiRoute)]
    return of_groups + [_common_operation(path, operation) for path, operation in common.items()]


def _group_operation(route: ApiRoute) -> DescribedOperation:
    responses: defaultdict[int, list[ResponseSpec]] = defaultdict(list)
    for status, spec in chain(route.operation.responses.items(), route.operation.extra_responses):
        responses[status].append(spec)
    for status, spec in error_response_specs([*route.operation.errors, *COMMON_ERRORS], route.group.error_type):
        responses[status].append(spec)
    methods = route.methods or {"GET"}
    (method,) = methods - {"HEAD"} or methods  # starlette adds HEAD to GET by itself
    return DescribedOperation(
        method=method.lower(),
        path=display_path(route.path),
        operation=route.operation,
        responses=dict(sorted(responses.items())),
        tag=route.group.name,
        required_permission=route.required_permission,
    )


def _common_operation(path: str, operation: Operation) -> DescribedOperation:
    responses = {status: [spec] for status, spec in operation.responses.items()}
    return DescribedOperation(method="get", path=path, operation=operation, responses=responses)
