"""How the documents family says no: `{"success":false,"error":…}` (contracts, section 5)."""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from shared.errors import RoomtoneError
from shared.http.family import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentError:
    """The family's error; `code` is stable, `error` is for people."""

    success: Literal[False] = False
    error: str
    code: str


def _body(_request: Request, error: RoomtoneError) -> DocumentError:
    return DocumentError(error=error.message, code=error.code)


DOCUMENTS = Family("Direct uploads to the bucket", _body, DocumentError)
