"""A session as an HTTP resource: its API group and error body, its id in the path, and access by lead.

The error body is `{"status":"error","message":…,"code":…,"session_id":…}` (docs/contracts.md, section 1).
"""

from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request

from shared.domain.caller import Caller, covers_lead
from shared.domain.errors import NotFound, RoomtoneError
from shared.domain.identifiers import IDENTIFIER_SCHEMA, SessionKey, parse_identifier
from shared.http.api_group import ApiGroup
from shared.http.operation import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionError:
    """The family's error; `code` is stable, `message` is for people."""

    status: Literal["error"] = "error"
    message: str
    code: str
    session_id: str


def _body(request: Request[Any], error: RoomtoneError) -> SessionError:
    session = request.path_params.get("session_id", "")[:128]
    return SessionError(message=error.message, code=error.code, session_id=session)


SESSIONS = ApiGroup("Raw chunk sessions", _body, SessionError)


SESSION_ID = Parameter(
    name="session_id", where="path", description="The session's id.", schema=IDENTIFIER_SCHEMA, required=True
)


def session_key(request: Request[Any], caller: Caller) -> SessionKey:
    """Return the key of the session in a request's path, within the caller's tenant; raises InvalidInput."""
    return SessionKey(caller.tenant, parse_identifier(request.path_params["session_id"], "session_id"))


def session_not_found() -> NotFound:
    """Return the one error for a session that does not exist, was deleted, or is another tenant's or lead's."""
    return NotFound("There is no such session.")


def check_lead_access(caller: Caller, lead: str | None) -> None:
    """Raise NotFound for a session of a lead that the caller may not access."""
    if not covers_lead(caller.leads, lead):
        raise session_not_found()
