"""How the session family says no: `{"status":"error","message":…,"session_id":…}` (contracts, section 1)."""

from collections.abc import Awaitable, Callable
from functools import wraps

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from shared.errors import Kind, RoomtoneError
from shared.http.statuses import of_os_error, status_of

log = structlog.stdlib.get_logger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
_RETRY_AFTER_SECONDS = "5"


def answering_errors(endpoint: Endpoint) -> Endpoint:
    """Wrap a handler so that whatever goes wrong in it is answered in the family's shape and leaks nothing."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            log.info("the client hung up before the body was complete")
            return Response(status_code=400)  # nobody is left to read it
        except RoomtoneError as exc:
            return render_error(request, exc)
        except OSError as exc:
            log.exception("the disk refused")
            return render_error(request, of_os_error(exc))
        except Exception:
            log.exception("unexpected failure")
            return _answer(request, 500, "Something failed on the server: try again.")

    return guarded


def render_error(request: Request, error: RoomtoneError) -> Response:
    """Write one error in the family's shape; what passes by itself comes with a `Retry-After`."""
    answer = _answer(request, status_of(error.kind), error.message)
    if error.kind in {Kind.UNAVAILABLE, Kind.OUT_OF_SPACE}:
        answer.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return answer


def _answer(request: Request, status: int, message: str) -> Response:
    body = {"status": "error", "message": message, "session_id": request.path_params.get("session_id", "")[:128]}
    return JSONResponse(body, status_code=status)
