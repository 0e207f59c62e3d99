"""The session id in a path, of every route that has one."""

from starlette.requests import Request

from shared.caller import Caller
from shared.http.operation import Parameter
from shared.identifiers import IDENTIFIER_SCHEMA, identifier
from shared.subjects import SessionKey

SESSION_ID = Parameter(
    name="session_id", where="path", description="The session's id.", schema=IDENTIFIER_SCHEMA, required=True
)


def session_key(request: Request, caller: Caller) -> SessionKey:
    """Read whose session a request is about; raises InvalidInput before anything is touched."""
    return SessionKey(caller.tenant, identifier(request.path_params["session_id"], "session_id"))
