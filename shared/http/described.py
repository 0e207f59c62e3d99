"""Routes as the published description sees them: each operation with what its family adds to it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from starlette.routing import BaseRoute

from shared.caller import Permission
from shared.http.family import FamilyRoute
from shared.http.operation import Answer, Operation
from shared.http.paths import shown
from shared.http.refusals import EVERYWHERE, refusals

COMMON = "Every service"
"""Under which name routes stand that belong to no contract family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One operation: `method` in lower case, all its `answers` by status, refusals too.

    `needs` of None is open to everyone.
    """

    method: str
    path: str
    operation: Operation
    answers: Mapping[int, Sequence[Answer]]
    tag: str = COMMON
    needs: Permission | None = None


def described(routes: Iterable[BaseRoute], common: Mapping[str, Operation]) -> list[Described]:
    """Return the families' routes in their order, then the `common` ones, which are read with GET, by path."""
    families = [_of_family(route) for route in routes if isinstance(route, FamilyRoute)]
    return families + [_of_common(path, operation) for path, operation in common.items()]


def _of_family(route: FamilyRoute) -> Described:
    answers: defaultdict[int, list[Answer]] = defaultdict(list)
    for status, answer in chain(route.operation.answers.items(), route.operation.alternatives):
        answers[status].append(answer)
    for status, answer in refusals([*route.operation.refusals, *EVERYWHERE], route.family.error_kind):
        answers[status].append(answer)
    methods = route.methods or {"GET"}
    (method,) = methods - {"HEAD"} or methods  # starlette adds HEAD to GET by itself
    return Described(
        method=method.lower(),
        path=shown(route.path),
        operation=route.operation,
        answers=dict(sorted(answers.items())),
        tag=route.family.name,
        needs=route.needs,
    )


def _of_common(path: str, operation: Operation) -> Described:
    answers = {status: [answer] for status, answer in operation.answers.items()}
    return Described(method="get", path=path, operation=operation, answers=answers)
