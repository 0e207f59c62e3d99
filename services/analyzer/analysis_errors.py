"""How one-shot analysis says no: `{"error":…,"details":…,"timestamp":…}` (contracts, section 2)."""

from dataclasses import dataclass

from starlette.requests import Request

from shared.clock import now, rfc3339
from shared.errors import Kind, RoomtoneError
from shared.http.family import Family
from shared.http.values import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisError:
    """The family's error; `error` is a few words and `details` a sentence for people, `code` is stable."""

    error: str
    details: str
    code: str
    timestamp: Timestamp


_TITLES = {
    "missing_file": "No audio file provided",
    "bad_extension": "Invalid file format",
    "not_audio": "Invalid file format",
    "bad_media": "Invalid file format",
    "no_audio": "Invalid file format",
    "too_long": "Audio too long",
    "bad_encoding": "Unsupported content encoding",
    "busy": "Server busy",
}
_TITLES_OF_KINDS = {
    Kind.INVALID: "Invalid request",
    Kind.NOT_AUTHENTICATED: "Not authenticated",
    Kind.NOT_ALLOWED: "Not allowed",
    Kind.TOO_LARGE: "File too large",
    Kind.TOO_SLOW: "Upload too slow",
    Kind.TOO_MANY: "Rate limit exceeded",
    Kind.UNAVAILABLE: "Service unavailable",
}


def _body(_request: Request, error: RoomtoneError) -> AnalysisError:
    title = _TITLES.get(error.code) or _TITLES_OF_KINDS.get(error.kind, "Analysis failed")
    return AnalysisError(error=title, details=error.message, code=error.code, timestamp=rfc3339(now()))


ANALYSES = Family("One-shot analysis", _body, AnalysisError)
