"""`/health`, `/livez`, `/readyz` and `/metrics`, the same for every service (contracts, section 0)."""

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.clock import now, rfc3339
from shared.metrics import Metrics

Check = Callable[[], Awaitable[str | None]]
"""Returns why the service can't do its job, or None; must answer within a second or so."""


def health_routes(metrics: Metrics, checks: Sequence[Check]) -> list[Route]:
    """Return the four routes; `/readyz` answers 503 with the reasons of the checks that fail."""

    async def healthy(_request: Request) -> Response:
        return JSONResponse({"status": "healthy", "timestamp": rfc3339(now())})

    async def ready(_request: Request) -> Response:
        reasons = [reason for check in checks if (reason := await check()) is not None]
        body = {"status": "not ready" if reasons else "ready", "reasons": reasons, "timestamp": rfc3339(now())}
        return JSONResponse(body, status_code=503 if reasons else 200)

    def exposition(_request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health", healthy),
        Route("/livez", healthy),
        Route("/readyz", ready),
        Route("/metrics", exposition),
    ]
