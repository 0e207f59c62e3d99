"""Sessions of any family: `GET /sessions/{session_id}` (contracts, section 0)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.ingest.chunks import session_key
from services.ingest.session_errors import answering_errors
from services.ingest.status import StatusReader
from shared.http.paths import ANYTHING


def session_routes(reader: Callable[[], StatusReader]) -> list[Route]:
    """Return the status route."""

    @answering_errors
    async def status(request: Request) -> Response:
        return JSONResponse(await reader().read(session_key(request)), headers={"Cache-Control": "no-store"})

    return [Route(f"/sessions/{{session_id:{ANYTHING}}}", status, methods=["GET"])]
