"""The answer to a caller who does not wait for a result: 202, and where to ask (contracts, section 0)."""

from dataclasses import dataclass
from typing import Literal

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


def prefers_async(request: Request) -> bool:
    """Whether the caller prefers not to wait (RFC 7240, section 4.1)."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


def status_url(key: SessionKey) -> str:
    """Return where a session's status is told."""
    return f"/sessions/{key.session}"


def accepted_headers(key: SessionKey) -> dict[str, str]:
    """Return what goes with every 202: where to ask, and when."""
    return {"Location": status_url(key), "Retry-After": str(_RETRY_AFTER_SECONDS)}


def accepted_response(key: SessionKey) -> Response:
    """Answer 202 for one session."""
    return json_response(Processing(session_id=key.session, status_url=status_url(key)), 202, accepted_headers(key))


PROCESSING = ResponseSpec(
    description="Accepted; the result takes longer. Ask `status_url`.",
    model=Processing,
    headers={"Location": "Where to ask: `status_url`.", "Retry-After": "After how many seconds to ask."},
)
