"""Request, response and error bodies of one-shot analysis (docs/contracts.md, section 2)."""

from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field
from starlette.requests import Request

from services.analyzer.analyze import AnalysisResult
from services.analyzer.audio_form import FILE_FIELD
from shared.domain.analysis import ChannelAnalysis, Evidence, SpeakerSource, TimelineWindow, TranscriptLine
from shared.domain.clock import now, rfc3339
from shared.domain.errors import ErrorKind, RoomtoneError
from shared.http.api_group import ApiGroup
from shared.http.fields import Confidence, Seconds, Temperature, Timestamp
from shared.http.operation import FORM, OCTETS, Operation, Parameter, RequestBodySpec, ResponseSpec


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
    ErrorKind.INVALID: "Invalid request",
    ErrorKind.NOT_AUTHENTICATED: "Not authenticated",
    ErrorKind.NOT_ALLOWED: "Not allowed",
    ErrorKind.TOO_LARGE: "File too large",
    ErrorKind.TOO_SLOW: "Upload too slow",
    ErrorKind.RATE_LIMITED: "Rate limit exceeded",
    ErrorKind.UNAVAILABLE: "Service unavailable",
}


def _body(_request: Request, error: RoomtoneError) -> AnalysisError:
    title = _TITLES.get(error.code) or _TITLES_OF_KINDS.get(error.kind, "Analysis failed")
    return AnalysisError(error=title, details=error.message, code=error.code, timestamp=rfc3339(now()))


ANALYSES = ApiGroup("One-shot analysis", _body, AnalysisError)


DETAIL = "detail"


def _is_absent(value: object) -> bool:
    return value is None


_ABSENT = Field(exclude_if=_is_absent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Something said, with seconds from the recording's start; `channel` is null where there is one channel only.

    `speaker` is the channel's name, or was guessed from the voices, as `speaker_source` says; both are null otherwise.
    """

    start: Seconds
    end: Seconds
    channel: str | None
    speaker: str | None
    speaker_source: SpeakerSource | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzed:
    """How heated the conversation was; all but the first four members are there with `detail=true` only."""

    temperature: Temperature
    confidence: Confidence
    timestamp: Timestamp
    analysis_summary: str
    segments: Annotated[tuple[Segment, ...] | None, _ABSENT] = None
    transcript: Annotated[str | None, _ABSENT] = None
    scorer: Annotated[str | None, _ABSENT] = None
    reason_codes: Annotated[tuple[str, ...] | None, _ABSENT] = None
    needs_review: Annotated[bool | None, _ABSENT] = None
    evidence: Annotated[tuple[Evidence, ...] | None, _ABSENT] = None
    timeline: Annotated[tuple[TimelineWindow, ...] | None, _ABSENT] = None
    channels: Annotated[tuple[ChannelAnalysis, ...] | None, _ABSENT] = None
    silence_seconds: Annotated[Seconds | None, _ABSENT] = None


def analyzed(result: AnalysisResult, *, detail: bool) -> Analyzed:
    """Return an analysis as the response's body; with `detail`, everything that is known of it."""
    analysis, lines = result.analysis, result.recording.lines
    brief = Analyzed(
        temperature=analysis.temperature,
        confidence=analysis.confidence,
        timestamp=rfc3339(now()),
        analysis_summary=analysis.summary,
    )
    if not detail:
        return brief
    return replace(
        brief,
        segments=tuple(_segment(line) for line in lines),
        transcript=" ".join(line.text for line in lines),
        scorer=analysis.scorer,
        reason_codes=analysis.reason_codes,
        needs_review=analysis.needs_review,
        evidence=analysis.evidence,
        timeline=analysis.timeline,
        channels=analysis.channels,
        silence_seconds=analysis.silence_seconds,
    )


def _segment(line: TranscriptLine) -> Segment:
    return Segment(
        start=line.start,
        end=line.end,
        channel=line.channel,
        speaker=line.speaker,
        speaker_source=line.speaker_source,
        text=line.text,
    )


ANALYZE_AUDIO = Operation(
    summary="Score one recording",
    description=(
        "Nothing of the request is kept. A recording in which nobody speaks has temperature 1 and confidence 0. "
        "The extension of the file's name must be among those allowed, and the bytes must be audio."
    ),
    parameters=[
        Parameter(
            name=DETAIL,
            where="query",
            description="`true` for what was said, by which scorer, and the reasons as stable words.",
            schema={"type": "boolean"},
        )
    ],
    request_bodies=[
        RequestBodySpec(
            schema={
                "type": "object",
                "required": [FILE_FIELD],
                "properties": {FILE_FIELD: {"type": "string", "contentMediaType": OCTETS}},
            },
            media_type=FORM,
            file_names={FILE_FIELD: "call.wav"},
        )
    ],
    responses={200: ResponseSpec(description="How heated the conversation was.", model=Analyzed)},
    errors=[
        ErrorKind.INVALID,
        ErrorKind.TOO_SLOW,
        ErrorKind.TOO_LARGE,
        ErrorKind.UNSUPPORTED,
        ErrorKind.RATE_LIMITED,
        ErrorKind.PERMANENT,
        ErrorKind.UNAVAILABLE,
    ],
)
