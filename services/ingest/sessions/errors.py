"""How the session family says no: `{"status":"error","message":…,"session_id":…}` (contracts, section 1)."""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from shared.errors import RoomtoneError
from shared.http.family import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionError:
    """The family's error; `code` is stable, `message` is for people."""

    status: Literal["error"] = "error"
    message: str
    code: str
    session_id: str


def _body(request: Request, error: RoomtoneError) -> SessionError:
    session = request.path_params.get("session_id", "")[:128]
    return SessionError(message=error.message, code=error.code, session_id=session)


SESSIONS = Family("Raw chunk sessions", _body, SessionError)
