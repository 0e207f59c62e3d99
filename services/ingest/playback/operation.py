"""How playing an object is described in the OpenAPI document: its range and cache headers, and its errors."""

from collections.abc import Sequence

from shared.domain.errors import ErrorKind
from shared.http.operation import Operation, Parameter, ResponseSpec

_CACHE_HEADERS = {
    "ETag": "A strong validator of the bytes.",
    "Last-Modified": "When they were stored.",
    "Cache-Control": "`private, no-cache`: keep it, and ask whether it is still the one.",
}
_PLAY_HEADERS = {
    **_CACHE_HEADERS,
    "Content-Length": "How many bytes follow.",
    "Accept-Ranges": "`bytes`.",
    "Content-Disposition": "`inline`, with the file's name (RFC 6266).",
    "X-Content-Type-Options": "`nosniff`.",
}
_AUDIO = "audio/*"
_PARAMETERS = (
    Parameter(name="Range", where="header", description="One range: `bytes=0-1`, `bytes=500-`, `bytes=-500`."),
    Parameter(name="If-Range", where="header", description="An ETag or a date that the range is about."),
    Parameter(name="If-None-Match", where="header", description="ETags that the caller has already."),
    Parameter(name="If-Modified-Since", where="header", description="When the caller last got it."),
    Parameter(name="If-Match", where="header", description="ETags of which one must be the current one."),
    Parameter(name="If-Unmodified-Since", where="header", description="When it must have been stored by."),
)
_ERRORS = [
    ErrorKind.INVALID,
    ErrorKind.NOT_FOUND,
    ErrorKind.RANGE_NOT_SATISFIABLE,
    ErrorKind.PRECONDITION_FAILED,
    ErrorKind.UNAVAILABLE,
]


def play_operation(*, summary: str, description: str, parameters: Sequence[Parameter]) -> Operation:
    """Return the description of a route that plays an object found by `parameters`."""
    others = " Several ranges at once, malformed ones and other units than `bytes` are answered with all of it."
    return Operation(
        summary=summary,
        description=description + others,
        parameters=[*parameters, *_PARAMETERS],
        responses={
            200: ResponseSpec(description="All of it.", media_type=_AUDIO, headers=_PLAY_HEADERS),
            206: ResponseSpec(
                description="The range that was asked for.",
                media_type=_AUDIO,
                headers={**_PLAY_HEADERS, "Content-Range": "Which bytes of how many: `bytes 0-1/160044`."},
            ),
            304: ResponseSpec(description="The caller has it already.", media_type=None, headers=_CACHE_HEADERS),
        },
        errors=_ERRORS,
        head=True,
    )
