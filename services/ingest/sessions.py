"""Sessions of any family: `GET /sessions/{session_id}` (contracts, section 0)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from services.ingest.chunk_operations import SESSION_ID
from services.ingest.chunks import session_key
from services.ingest.session_errors import SESSIONS
from services.ingest.status import StatusReader
from shared.caller import Caller, Permission
from shared.errors import Kind
from shared.http.operation import Answer, Operation
from shared.http.paths import ANYTHING

_STATUS = Operation(
    summary="Tell what is known of a session",
    parameters=[SESSION_ID],
    answers={200: Answer(description="The session as it stands.")},
    refusals=[Kind.INVALID, Kind.NOT_FOUND],
)


def session_routes(reader: Callable[[], StatusReader]) -> list[BaseRoute]:
    """Return the status route."""

    async def status(request: Request, caller: Caller) -> Response:
        document = await reader().read(session_key(request, caller))
        return JSONResponse(document, headers={"Cache-Control": "no-store"})

    return [
        SESSIONS.route(
            "GET",
            f"/sessions/{{session_id:{ANYTHING}}}",
            status,
            needs=Permission.AUDIO_READ,
            operation=_STATUS,
        )
    ]
