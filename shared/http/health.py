"""`/health`, `/livez`, `/readyz` and `/metrics`, the same for every service (docs/contracts.md, section 0)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.domain.clock import now, rfc3339
from shared.http.fields import Timestamp
from shared.http.operation import Operation, ResponseSpec
from shared.http.responses import json_response
from shared.observability.metrics import Metrics

Check = Callable[[Mapping[str, Any]], Awaitable[str | None]]
"""A readiness check: takes the lifespan state, returns why the service can't do its job, or None, within a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """The process runs."""

    status: Literal["healthy"] = "healthy"
    timestamp: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the service can do its job, and each reason why it can't."""

    status: Literal["ready", "not ready"]
    reasons: tuple[str, ...]
    timestamp: Timestamp


_HEALTHY = {200: ResponseSpec(description="It runs.", model=Healthy)}
HEALTH_OPERATIONS = {
    "/health": Operation(summary="Tell that the process runs", responses=_HEALTHY),
    "/livez": Operation(summary="Tell that the process runs, touching nothing outside it", responses=_HEALTHY),
    "/readyz": Operation(
        summary="Tell whether the service can do its job",
        responses={
            200: ResponseSpec(description="It can.", model=Readiness),
            503: ResponseSpec(description="It can't, for these reasons.", model=Readiness),
        },
    ),
    "/metrics": Operation(
        summary="Tell what was measured",
        responses={200: ResponseSpec(description="Prometheus' text format.", media_type="text/plain")},
    ),
}


def health_routes(metrics: Metrics, checks: Sequence[Check]) -> list[Route]:
    """Return the four routes; `/readyz` answers 503 with the reasons of the checks that fail."""

    async def healthy(_request: Request) -> Response:
        return json_response(Healthy(timestamp=rfc3339(now())))

    async def ready(request: Request) -> Response:
        state = request.scope.get("state", {})
        reasons = [reason for check in checks if (reason := await check(state)) is not None]
        status: Literal["ready", "not ready"] = "not ready" if reasons else "ready"
        body = Readiness(status=status, reasons=tuple(reasons), timestamp=rfc3339(now()))
        return json_response(body, 503 if reasons else 200)

    def exposition(_request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health", healthy),
        Route("/livez", healthy),
        Route("/readyz", ready),
        Route("/metrics", exposition),
    ]
