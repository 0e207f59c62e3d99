"""Responses and OpenAPI operations of a session's transcript and analysis (docs/contracts.md, section 0)."""

from dataclasses import dataclass

from services.ingest.api.session_resource import SESSION_ID
from services.ingest.sessions.transcript_format import MEDIA_TYPES, TranscriptFormat
from shared.domain.analysis import Analysis, ChannelAnalysis, Evidence, TimelineWindow, Transcript, TranscriptLine
from shared.domain.errors import ErrorKind
from shared.http.fields import Confidence, Identifier, Seconds, Temperature, Timestamp
from shared.http.operation import Operation, Parameter, ResponseSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTranscript:
    """What was said, in the order in which the lines begin; times are seconds from the recording's start.

    `complete` is false while the session is still receiving. `partial`: some speech was heard and not understood.
    """

    session_id: Identifier
    language: str | None
    engine: str
    complete: bool
    partial: bool
    segments: tuple[TranscriptLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAnalysis:
    """How heated the conversation was, and why; `silence_seconds` is null where it was not measured.

    `final` is false while the session is still receiving. `channels` is empty where there is one channel only.
    """

    session_id: Identifier
    final: bool
    temperature: Temperature
    confidence: Confidence
    analysis_summary: str
    timestamp: Timestamp
    scorer: str
    reason_codes: tuple[str, ...]
    needs_review: bool
    evidence: tuple[Evidence, ...]
    timeline: tuple[TimelineWindow, ...]
    channels: tuple[ChannelAnalysis, ...]
    silence_seconds: Seconds | None


def transcript_of(session: str, transcript: Transcript) -> SessionTranscript:
    """Return the response for a recording's transcript."""
    return SessionTranscript(
        session_id=session,
        language=transcript.language,
        engine=transcript.engine,
        complete=True,
        partial=transcript.partial,
        segments=transcript.segments,
    )


def analysis_of(session: str, timestamp: str, analysis: Analysis, silence_seconds: float | None) -> SessionAnalysis:
    """Return the response for a recording's analysis, which was made at `timestamp`."""
    return SessionAnalysis(
        session_id=session,
        final=True,
        temperature=analysis.temperature,
        confidence=analysis.confidence,
        analysis_summary=analysis.summary,
        timestamp=timestamp,
        scorer=analysis.scorer,
        reason_codes=analysis.reason_codes,
        needs_review=analysis.needs_review,
        evidence=analysis.evidence,
        timeline=analysis.timeline,
        channels=analysis.channels,
        silence_seconds=silence_seconds,
    )


_CACHE_HEADERS = {
    "ETag": "A weak validator of the stored result in this format.",
    "Cache-Control": "`private, no-cache`: keep it, and ask whether it is still the one.",
    "Vary": "`Accept`.",
}
_NOT_MODIFIED = ResponseSpec(description="The caller has it already.", media_type=None, headers=_CACHE_HEADERS)
_IF_NONE_MATCH = Parameter(name="If-None-Match", where="header", description="ETags that the caller has already.")
_ERRORS = [ErrorKind.INVALID, ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE]
_TEXTS = [kind for wanted, kind in MEDIA_TYPES.items() if wanted is not TranscriptFormat.JSON]

READ_TRANSCRIPT = Operation(
    summary="Read what was said",
    description="Without `format`, what `Accept` likes best (q-values count), else JSON. 404 while there is none.",
    parameters=[
        SESSION_ID,
        Parameter(
            name="format",
            where="query",
            description="`json`, `txt`, `srt` (SubRip) or `vtt` (WebVTT).",
            schema={"type": "string", "enum": [item.value for item in TranscriptFormat]},
        ),
        _IF_NONE_MATCH,
    ],
    responses={
        200: ResponseSpec(description="The transcript.", model=SessionTranscript, headers=_CACHE_HEADERS),
        304: _NOT_MODIFIED,
    },
    extra_responses=[
        (200, ResponseSpec(description="The transcript.", media_type=kind, headers=_CACHE_HEADERS)) for kind in _TEXTS
    ],
    errors=_ERRORS,
    head=True,
)

READ_ANALYSIS = Operation(
    summary="Read how heated the conversation was, and why",
    description="404 while there is no score, and for a recording that gets none.",
    parameters=[SESSION_ID, _IF_NONE_MATCH],
    responses={
        200: ResponseSpec(description="The analysis.", model=SessionAnalysis, headers=_CACHE_HEADERS),
        304: _NOT_MODIFIED,
    },
    errors=_ERRORS,
    head=True,
)
