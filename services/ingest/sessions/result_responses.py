"""Writes a session's result as a response: the transcript in one of its formats, the analysis as JSON.

Bodies are made in a thread, since the lines of hours take a second. The entity tags are weak: a later version may write
the same result with more members.
"""

import asyncio
import re

from starlette.datastructures import Headers
from starlette.responses import Response

from services.ingest.sessions.result_reader import ReadResult
from services.ingest.sessions.result_schema import SessionAnalysis, analysis_of, transcript_of
from services.ingest.sessions.transcript_format import MEDIA_TYPES, TranscriptFormat
from shared.domain.analysis import LANGUAGE_NOT_SUPPORTED
from shared.domain.errors import NotFound
from shared.domain.subtitles import plain_text, subrip, web_vtt
from shared.http.responses import JSON, type_adapter

_NOT_UNDERSTOOD = "The speech is in a language that the speech model does not understand: nobody said these words."
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


def not_modified(headers: Headers, validator: str, wanted: TranscriptFormat) -> Response | None:
    """Return 304 if the client has this result in this format already, by If-None-Match, otherwise None."""
    cached = _cache_headers(validator, wanted)
    return Response(status_code=304, headers=cached) if is_cached(headers, cached["ETag"]) else None


def is_cached(headers: Headers, etag: str) -> bool:
    """Whether If-None-Match names an entity tag, by the weak comparison."""
    tags = ", ".join(headers.getlist("if-none-match"))  # several lines are one list (RFC 9110, section 5.3)
    return tags.strip() == "*" or etag.removeprefix("W/") in _ENTITY_TAG.findall(tags)


async def transcript_response(session: str, result: ReadResult, wanted: TranscriptFormat) -> Response:
    """Return a transcript in the wanted format, in UTF-8."""
    body = await asyncio.to_thread(_transcript_body, session, result, wanted)
    return Response(body, media_type=MEDIA_TYPES[wanted], headers=_cache_headers(result.validator, wanted))


async def analysis_response(session: str, result: ReadResult) -> Response:
    """Return an analysis as JSON; raises NotFound for a result that lost its score between two reads."""
    if result.analysis is None:
        raise NotFound("There is no score.", code=LANGUAGE_NOT_SUPPORTED)
    document = analysis_of(session, result.timestamp, result.analysis, result.silence_seconds)
    body = await asyncio.to_thread(type_adapter(SessionAnalysis).dump_json, document)
    return Response(body, media_type=JSON, headers=_cache_headers(result.validator, TranscriptFormat.JSON))


def _transcript_body(session: str, result: ReadResult, wanted: TranscriptFormat) -> bytes:
    transcript = result.transcript
    note = _NOT_UNDERSTOOD if result.analysis is None and transcript.language is None else None
    match wanted:
        case TranscriptFormat.JSON:
            document = transcript_of(session, transcript)
            return type_adapter(type(document)).dump_json(document)
        case TranscriptFormat.TEXT:
            return plain_text(transcript.segments, note).encode()
        case TranscriptFormat.SUBRIP:
            return subrip(transcript.segments, note).encode()
        case TranscriptFormat.WEB_VTT:
            return web_vtt(transcript.segments, note).encode()


def _cache_headers(validator: str, wanted: TranscriptFormat) -> dict[str, str]:
    """Return the cache headers: a private cache may keep the result, and revalidates it each time."""
    return {"ETag": f'W/"{validator}.{wanted.value}"', "Cache-Control": "private, no-cache", "Vary": "Accept"}
