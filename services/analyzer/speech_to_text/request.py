"""Parses the form of a transcription request while it arrives: one file, and what OpenAI's API calls its parameters."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from starlette.requests import Request

from services.analyzer.memory_file import MemoryFile
from services.analyzer.transcribe.languages import is_known, language_tag
from shared.domain.errors import InvalidInput
from shared.http.body import BodyLimits, reject_encoded_body
from shared.http.multipart import Field, FileStart, SingleFileForm, boundary_of

FILE_FIELD = "file"
_MIB = 1024 * 1024
_TRUE, _FALSE = {"true", "1"}, {"false", "0", ""}


class ResponseFormat(StrEnum):
    """The forms that a transcription is served in."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE_JSON = "verbose_json"
    DIARIZED_JSON = "diarized_json"


@dataclass(slots=True)
class TranscriptionParameters:
    """The parameters that change something here; a model's prompt and sampling temperature are read and ignored."""

    model: str = ""
    language: str | None = None
    response_format: ResponseFormat = ResponseFormat.JSON
    stream: bool = False
    granularities: list[str] = field(default_factory=list)

    def set(self, name: str, value: str) -> None:
        """Take one field of the form; raises InvalidInput for a value that can't be served."""
        match name.removesuffix("[]"):
            case "model":
                self.model = value
            case "language":
                self.language = _language(value) if value.strip() else None
            case "response_format":
                self.response_format = _response_format(value)
            case "stream":
                self.stream = _boolean(name, value)
            case "timestamp_granularities":
                self.granularities.append(_granularity(value))
            case "include":
                raise InvalidInput("Log probabilities of tokens are not served: leave 'include' out.", code="include")
            case _:
                pass

    def check(self) -> None:
        """Raise InvalidInput for parameters that are missing or do not go together."""
        if not self.model:
            raise InvalidInput("Name a model: GET /v1/models lists them.", code="model")
        if self.granularities and self.response_format is not ResponseFormat.VERBOSE_JSON:
            raise InvalidInput("Timestamps come with response_format=verbose_json.", code="timestamp_granularities")


def _language(value: str) -> str:
    tag = language_tag(value)
    if tag is None or not is_known(tag):
        message = "A language is its ISO 639-1 code, as 'en', or its name in English, as 'english'."
        raise InvalidInput(message, code="language")
    return tag


def _response_format(value: str) -> ResponseFormat:
    try:
        return ResponseFormat(value)
    except ValueError:
        names = ", ".join(ResponseFormat)
        raise InvalidInput(f"response_format is one of {names}.", code="response_format") from None


def _boolean(name: str, value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise InvalidInput(f"{name!r} is true or false.", code=name)


def _granularity(value: str) -> str:
    if value == "segment":
        return value
    message = "The speech model tells the times of segments, not of words: leave 'word' out."
    if value != "word":
        message = "A granularity is 'segment'."
    raise InvalidInput(message, code="timestamp_granularities")


class TranscriptionForm:
    """One `multipart/form-data` request; the constructor reads the headers alone and raises what is wrong in them."""

    def __init__(self, request: Request[Any], limits: BodyLimits) -> None:
        reject_encoded_body(request)
        boundary = boundary_of(request.headers.get("content-type", ""))
        if boundary is None:
            raise InvalidInput("Send multipart/form-data with the recording in 'file'.", code="file")
        self._form = SingleFileForm(
            request,
            limits,
            boundary=boundary,
            file_fields=(FILE_FIELD,),
            too_large=f"The file may have at most {limits.size / _MIB:g} MB.",
        )
        self.parameters = TranscriptionParameters()

    async def read_into(self, file: MemoryFile) -> None:
        """Append the file's bytes to `file`, and take the fields before and behind it.

        Raises InvalidInput for fields that can't be served, and what `SingleFileForm.events` raises.
        """
        async for event in self._form.events():
            match event:
                case Field(name, value):
                    self.parameters.set(name, value)
                case FileStart():
                    pass
                case _:
                    file.add(event)
        self.parameters.check()
