"""The formats of a transcript, and which of them a request asks for (RFC 9110, section 12.5.1)."""

import re
from enum import Enum

from starlette.datastructures import Headers, QueryParams

from shared.domain.errors import InvalidInput

_QUALITY = re.compile(r"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


class TranscriptFormat(Enum):
    """A format by the name that `format` takes, in the order in which they are preferred."""

    JSON = "json"
    TEXT = "txt"
    SUBRIP = "srt"
    WEB_VTT = "vtt"


MEDIA_TYPES = {
    TranscriptFormat.JSON: "application/json",
    TranscriptFormat.TEXT: "text/plain",
    TranscriptFormat.SUBRIP: "application/x-subrip",
    TranscriptFormat.WEB_VTT: "text/vtt",
}


def requested_format(query: QueryParams, headers: Headers) -> TranscriptFormat:
    """Return the format that `format` names, without it the one that Accept likes best, JSON if it likes none.

    Raises InvalidInput for an unknown name, and for more than one.
    """
    given = query.getlist("format")
    if not given:
        return _accepted(", ".join(headers.getlist("accept")))
    if len(given) > 1:
        raise InvalidInput("format is given more than once: send it once.", code="invalid_format")
    name = given[0]
    try:
        return TranscriptFormat(name)
    except ValueError:
        names = ", ".join(item.value for item in TranscriptFormat)
        raise InvalidInput(f"format must be one of {names}.", code="invalid_format") from None


def _accepted(accept: str) -> TranscriptFormat:
    ranges = dict(filter(None, map(_media_range, accept.split(","))))
    qualities = {wanted: _quality(ranges, media_type) for wanted, media_type in MEDIA_TYPES.items()}
    best = max(MEDIA_TYPES, key=lambda wanted: qualities[wanted])  # the first of equals
    return best if qualities[best] > 0 else TranscriptFormat.JSON


def _media_range(text: str) -> tuple[str, float] | None:
    """Return a media range and its quality, None for a malformed one; parameters of the type say nothing here."""
    media_range, *parameters = [part.strip() for part in text.split(";")]
    if "/" not in media_range:
        return None
    weights = [parameter for parameter in parameters if parameter[:2].lower() == "q="]
    if not weights:
        return media_range.lower(), 1.0
    match = _QUALITY.fullmatch(weights[0])
    return None if match is None else (media_range.lower(), float(match[1]))


def _quality(ranges: dict[str, float], media_type: str) -> float:
    """Return the quality of the most specific range that fits a type, 0 if none does."""
    main, _, _ = media_type.partition("/")
    return next((ranges[name] for name in (media_type, f"{main}/*", "*/*") if name in ranges), 0.0)
