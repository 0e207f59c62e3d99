"""The 202 response for a result that is still being made, with its status URL (docs/contracts.md, section 0)."""

from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from shared.domain.identifiers import SessionKey
from shared.http.fields import Identifier
from shared.http.operation import ResponseSpec
from shared.http.responses import json_response

_RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """The work goes on; `status_url` is relative to this server."""

    status: Literal["processing"] = "processing"
    session_id: Identifier
    status_url: str


def prefers_async(request: Request[Any]) -> bool:
    """Whether the caller prefers not to wait (RFC 7240, section 4.1)."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


def status_url(key: SessionKey) -> str:
    """Return the path of a session's status."""
    return f"/sessions/{key.session}"


def accepted_headers(key: SessionKey) -> dict[str, str]:
    """Return the headers of every 202: Location of the status, and Retry-After."""
    return {"Location": status_url(key), "Retry-After": str(_RETRY_AFTER_SECONDS)}


def accepted_response(key: SessionKey) -> Response:
    """Return the 202 response for a session."""
    return json_response(Processing(session_id=key.session, status_url=status_url(key)), 202, accepted_headers(key))


PROCESSING = ResponseSpec(
    description="Accepted; the result takes longer. Ask `status_url`.",
    model=Processing,
    headers={"Location": "Where to ask: `status_url`.", "Retry-After": "After how many seconds to ask."},
)
