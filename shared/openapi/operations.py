"""What each branch of the error tree means to a caller, as answers in a family's shape."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import assert_never

from starlette.routing import BaseRoute

from shared.domain.caller import Permission
from shared.domain.errors import Kind
from shared.http.api_group import ApiRoute
from shared.http.operation import Answer, Operation
from shared.http.paths import shown
from shared.http.responses import http_status

COMMON_ERRORS = (Kind.NOT_AUTHENTICATED, Kind.NOT_ALLOWED, Kind.PERMANENT, Kind.UNAVAILABLE)
"""What every route of a family may say: about the token, about the keys that check it, and about a fault of ours."""


def refusals(kinds: Iterable[Kind], error: type) -> Iterator[tuple[int, Answer]]:
    """Yield the status and the answer of each branch, each once; several may share a status."""
    for kind in dict.fromkeys(kinds):
        yield http_status(kind), Answer(description=_meaning(kind), kind=error, headers=_headers(kind))


def _headers(kind: Kind) -> dict[str, str]:
    match kind:
        case Kind.NOT_AUTHENTICATED:
            return {"WWW-Authenticate": "The scheme to use: `Bearer` (RFC 9110, section 11.6.1)."}
        case Kind.OUTSIDE_RANGE:
            return {"Content-Range": "How many bytes there are: `bytes */<size>` (RFC 9110, section 14.4)."}
        case Kind.TOO_MANY | Kind.UNAVAILABLE | Kind.OUT_OF_SPACE:
            return {"Retry-After": "After how many seconds to send the same again."}
        case _:
            return {}


def _meaning(kind: Kind) -> str:  # noqa: C901, PLR0912  # one case a branch
    match kind:
        case Kind.INVALID:
            return "The request, an identifier or a field is malformed; the message says which."
        case Kind.NOTHING_THERE:
            return "There is nothing to work on yet: no chunk was sent."
        case Kind.NOT_AUTHENTICATED:
            return "No token, or one that does not hold."
        case Kind.NOT_ALLOWED:
            return "The token holds, and does not cover this."
        case Kind.NOT_FOUND:
            return "There is no such thing for this caller."
        case Kind.TOO_SLOW:
            return "The body stopped arriving; nothing of it was kept."
        case Kind.CONFLICT:
            return "The request disagrees with what is already stored; the message says how."
        case Kind.TOO_LARGE:
            return "Over a declared or counted limit; the message says which."
        case Kind.UNSUPPORTED:
            return "A content type or content encoding that is not taken here."
        case Kind.OUTSIDE_RANGE:
            return "No byte is in the range that was asked for."
        case Kind.TOO_MANY:
            return "More requests than one caller may send."
        case Kind.PERMANENT:
            return "The server failed, or the recording can't be worked on; the message says which."
        case Kind.UNAVAILABLE:
            return "Something that this needs is away for now."
        case Kind.OUT_OF_SPACE:
            return "The disk is short of space or full; what was acknowledged before is intact."
        case _:
            assert_never(kind)


COMMON = "Every service"
"""Under which name routes stand that belong to no contract family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedOperation:
    """One operation: `method` in lower case, all its `answers` by status, refusals too.

    `needs` of None is open to everyone.
    """

    method: str
    path: str
    operation: Operation
    answers: Mapping[int, Sequence[Answer]]
    tag: str = COMMON
    needs: Permission | None = None


def described(routes: Iterable[BaseRoute], common: Mapping[str, Operation]) -> list[DescribedOperation]:
    """Return the families' routes in their order, then the `common` ones, which are read with GET, by path."""
    families = [_of_family(route) for route in routes if isinstance(route, ApiRoute)]
    return families + [_of_common(path, operation) for path, operation in common.items()]


def _of_family(route: ApiRoute) -> DescribedOperation:
    answers: defaultdict[int, list[Answer]] = defaultdict(list)
    for status, answer in chain(route.operation.answers.items(), route.operation.alternatives):
        answers[status].append(answer)
    for status, answer in refusals([*route.operation.refusals, *COMMON_ERRORS], route.family.error_kind):
        answers[status].append(answer)
    methods = route.methods or {"GET"}
    (method,) = methods - {"HEAD"} or methods  # starlette adds HEAD to GET by itself
    return DescribedOperation(
        method=method.lower(),
        path=shown(route.path),
        operation=route.operation,
        answers=dict(sorted(answers.items())),
        tag=route.family.name,
        needs=route.needs,
    )


def _of_common(path: str, operation: Operation) -> DescribedOperation:
    answers = {status: [answer] for status, answer in operation.answers.items()}
    return DescribedOperation(method="get", path=path, operation=operation, answers=answers)
