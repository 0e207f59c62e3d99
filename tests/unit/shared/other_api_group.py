"""A second API group, with a response dataclass of the same name as one of the first group's."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from shared.domain.caller import Caller, Permission
from shared.http.api_group import ApiGroup
from shared.http.operation import Operation, ResponseSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Something else is stored."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong."""

    problem: str


async def _handler(_request: Request, _caller: Caller) -> Response:
    return Response()


ROUTE = ApiGroup("Others", lambda _request, error: Problem(problem=error.message), Problem).route(
    "GET",
    "/others",
    _handler,
    required_permission=Permission.AUDIO_READ,
    operation=Operation(summary="", responses={200: ResponseSpec(description="Done.", model=Stored)}),
)
