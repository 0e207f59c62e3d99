"""How the indexed uploads say no: `{"status":"error","message":…,"data":null}` (contracts, section 3)."""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from shared.errors import RoomtoneError
from shared.http.family import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadError:
    """The family's error; `code` is stable, `message` is for people."""

    status: Literal["error"] = "error"
    message: str
    code: str
    data: None = None


def _body(_request: Request, error: RoomtoneError) -> UploadError:
    return UploadError(message=error.message, code=error.code)


UPLOADS = Family("Indexed uploads with a main service", _body, UploadError)
