"""Sessions of any API group: `GET` and `DELETE /sessions/{session_id}` (docs/contracts.md, section 0)."""

from typing import TypedDict

from starlette.requests import Request
from starlette.responses import Response

from services.ingest.api.session_resource import SESSION_ID, SESSIONS, session_key
from services.ingest.sessions.deletion import Receipt, SessionDeleter
from services.ingest.sessions.status import StatusReader
from services.ingest.sessions.status_schema import SessionStatus
from shared.domain.caller import Caller, Permission
from shared.domain.errors import ErrorKind
from shared.http.operation import Operation, ResponseSpec
from shared.http.paths import ANY_TEXT
from shared.http.responses import json_response

_PATH = f"/sessions/{{session_id:{ANY_TEXT}}}"
_NO_STORE = {"Cache-Control": "no-store"}

_STATUS = Operation(
    summary="Tell what is known of a session",
    description="Of any family; parts that are not there yet are null.",
    parameters=[SESSION_ID],
    responses={200: ResponseSpec(description="The session as it stands.", model=SessionStatus)},
    errors=[ErrorKind.INVALID, ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE],
)

_DELETE = Operation(
    summary="Erase a session and everything of it",
    description="From the spool, the bucket, the catalog and the stream. Afterwards it is not found anywhere.",
    parameters=[SESSION_ID],
    responses={200: ResponseSpec(description="All of it was erased, and looked for again in vain.", model=Receipt)},
    errors=[ErrorKind.INVALID, ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE, ErrorKind.OUT_OF_SPACE],
)


class SessionsState(TypedDict):
    """What the handlers use of the lifespan state."""

    status_reader: StatusReader
    session_deleter: SessionDeleter


async def read_status(request: Request[SessionsState], caller: Caller) -> Response:
    """Return what is known of a session of any API group."""
    status = await request.state["status_reader"].read(session_key(request, caller), caller)
    return json_response(status, headers=_NO_STORE)


async def delete_session(request: Request[SessionsState], caller: Caller) -> Response:
    """Delete a session and everything of it, and return the receipt."""
    receipt = await request.state["session_deleter"].delete(session_key(request, caller), caller)
    return json_response(receipt, headers=_NO_STORE)


ROUTES = [
    SESSIONS.route("GET", _PATH, read_status, required_permission=Permission.AUDIO_READ, operation=_STATUS),
    SESSIONS.route("DELETE", _PATH, delete_session, required_permission=Permission.AUDIO_WRITE, operation=_DELETE),
]
