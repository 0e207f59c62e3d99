"""The published descriptions of the speech-to-text routes."""

from services.analyzer.speech_to_text.request import FILE_FIELD, ResponseFormat
from services.analyzer.speech_to_text.schemas import (
    DiarizedTranscription,
    Model,
    Models,
    Transcription,
    VerboseTranscription,
)
from shared.domain.errors import ErrorKind
from shared.http.operation import FORM, OCTETS, Operation, Parameter, RequestBodySpec, ResponseSpec

_FIELDS = {
    FILE_FIELD: {"type": "string", "contentMediaType": OCTETS},
    "model": {"type": "string", "minLength": 1, "description": "Any name: this server has one model."},
    "language": {
        "type": "string",
        "description": "Of the speech: its ISO 639-1 code, as `en`, or its name in English.",
    },
    "response_format": {"type": "string", "enum": list(ResponseFormat)},
    "stream": {"type": "boolean", "description": "`true` for server-sent events, each line as soon as it is known."},
    "timestamp_granularities[]": {"type": "string", "enum": ["segment"]},
}

TRANSCRIBE = Operation(
    summary="Transcribe one recording",
    description=(
        "As OpenAI's API has it, for its clients with another base URL. Nothing of the request is kept. `prompt`, "
        "`temperature` and `chunking_strategy` are accepted and change nothing."
    ),
    request_bodies=[
        RequestBodySpec(
            schema={"type": "object", "required": [FILE_FIELD, "model"], "properties": _FIELDS},
            media_type=FORM,
            file_names={FILE_FIELD: "call.wav"},
        )
    ],
    responses={200: ResponseSpec(description="The words.", model=Transcription)},
    extra_responses=[
        (200, ResponseSpec(description="With `response_format=verbose_json`.", model=VerboseTranscription)),
        (200, ResponseSpec(description="With `response_format=diarized_json`.", model=DiarizedTranscription)),
        (200, ResponseSpec(description="With `response_format=text` or `srt`.", media_type="text/plain")),
        (200, ResponseSpec(description="With `response_format=vtt`.", media_type="text/vtt")),
        (200, ResponseSpec(description="With `stream=true`.", media_type="text/event-stream")),
    ],
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

LIST_MODELS = Operation(
    summary="List the models that transcribe",
    responses={200: ResponseSpec(description="The one model of this server.", model=Models)},
)

READ_MODEL = Operation(
    summary="Tell about a model",
    parameters=[Parameter(name="model", where="path", description="The model's name.", required=True)],
    responses={200: ResponseSpec(description="The model.", model=Model)},
    errors=[ErrorKind.NOT_FOUND],
)
