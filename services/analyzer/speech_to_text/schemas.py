"""Bodies of transcriptions and models in the shapes of OpenAI's API (docs/contracts.md, section 9)."""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from shared.domain.errors import ErrorKind, RoomtoneError
from shared.http.api_group import ApiGroup
from shared.http.fields import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetails:
    """`param` names the field of the request that is wrong, or is null; `code` is stable."""

    message: str
    type: str
    param: str | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """An error as OpenAI's API writes it."""

    error: ErrorDetails


_TYPES = {
    ErrorKind.INVALID: "invalid_request_error",
    ErrorKind.NOT_AUTHENTICATED: "authentication_error",
    ErrorKind.NOT_ALLOWED: "permission_error",
    ErrorKind.NOT_FOUND: "invalid_request_error",
    ErrorKind.TOO_LARGE: "invalid_request_error",
    ErrorKind.UNSUPPORTED: "invalid_request_error",
    ErrorKind.TOO_SLOW: "invalid_request_error",
    ErrorKind.RATE_LIMITED: "rate_limit_error",
}
_PARAMETERS = {"model", "language", "response_format", "stream", "timestamp_granularities", "include", "file"}
_FILE_CODES = {"missing_file", "not_audio", "bad_media", "no_audio", "too_long", "duplicate_field"}


def error_details(error: RoomtoneError) -> ErrorDetails:
    """Write one of our errors as OpenAI's API does."""
    parameter = error.code if error.code in _PARAMETERS else "file" if error.code in _FILE_CODES else None
    code = f"invalid_{error.code}" if error.code in _PARAMETERS else error.code
    return ErrorDetails(message=error.message, type=_TYPES.get(error.kind, "server_error"), param=parameter, code=code)


def _body(_request: Request, error: RoomtoneError) -> ErrorBody:
    return ErrorBody(error=error_details(error))


SPEECH_TO_TEXT = ApiGroup("Speech to text", _body, ErrorBody)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the request took: seconds of sound, rounded up."""

    type: Literal["duration"] = "duration"
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """`response_format=json`: the words."""

    text: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class VerboseSegment:
    """A line of a verbose transcription; tokens are not told, so their list is empty."""

    id: int
    seek: int
    start: Seconds
    end: Seconds
    text: str
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerboseTranscription:
    """`response_format=verbose_json`: the words with the times of their lines."""

    task: Literal["transcribe"] = "transcribe"
    language: str
    duration: Seconds
    text: str
    segments: tuple[VerboseSegment, ...]
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class DiarizedSegment:
    """A line of a diarized transcription; `speaker` is its channel, a guessed speaker, or `unknown`."""

    type: Literal["transcript.text.segment"] = "transcript.text.segment"
    id: str
    start: Seconds
    end: Seconds
    speaker: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiarizedTranscription:
    """`response_format=diarized_json`: the words with the times and speakers of their lines."""

    task: Literal["transcribe"] = "transcribe"
    duration: Seconds
    text: str
    segments: tuple[DiarizedSegment, ...]
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """An event of a stream: the words of one more line."""

    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDone:
    """The last event of a stream: all words."""

    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that transcribes; `created` is in seconds since the epoch."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models of this server."""

    object: Literal["list"] = "list"
    data: tuple[Model, ...]
