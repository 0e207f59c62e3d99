"""Speech to text for clients of OpenAI's API (docs/contracts.md, section 9).

`POST /v1/audio/transcriptions`, `GET /v1/models` and `GET /v1/models/{model}`.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.analyzer.memory_file import MemoryFile
from services.analyzer.one_shot import OneShotAnalyzer
from services.analyzer.one_shot_request import OneShotState, received_file
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.speech_to_text.formats import transcription_response
from services.analyzer.speech_to_text.operations import LIST_MODELS, READ_MODEL, TRANSCRIBE
from services.analyzer.speech_to_text.request import ResponseFormat, TranscriptionForm
from services.analyzer.speech_to_text.schemas import SPEECH_TO_TEXT, Model, Models
from services.analyzer.speech_to_text.stream import transcription_events
from services.analyzer.transcribe.languages import language_tag
from shared.domain.analysis import LANGUAGE_NOT_SUPPORTED
from shared.domain.caller import Caller, Permission
from shared.domain.errors import InvalidInput, NotFound
from shared.http.paths import ANY_TEXT
from shared.http.responses import json_response

_OWNER = "roomtone"
_EVENT_STREAM = "text/event-stream"


class SpeechToTextState(OneShotState):
    """What the handlers use of the lifespan state.

    `transcription_language` is the only language that the model understands, None for one that understands many;
    `models_since` is when it was opened, in seconds of the epoch.
    """

    transcription_model: str
    transcription_language: str | None
    models_since: int


async def transcribe(request: Request[SpeechToTextState], caller: Caller) -> Response:
    """Transcribe one file; nothing of it is kept."""
    analyzer, form = request.state["analyzer"], TranscriptionForm(request, request.state["one_shot_limits"].file)
    async with AsyncExitStack() as stack:
        received = await stack.enter_async_context(received_file(request, caller, form))
        wanted = form.parameters
        _check_language(wanted.language, request.state["transcription_language"])
        if wanted.stream:
            file = await stack.enter_async_context(received.slot())
            sound = await analyzer.decode(file)  # what is no audio is refused before the answer begins
            events = transcription_events(
                lambda on_line: _understood(analyzer.transcribe(sound, on_line)),
                diarized=wanted.response_format is ResponseFormat.DIARIZED_JSON,
            )
            return _StreamedTranscription(events, stack.pop_all())
        recording = await received.run(partial(_transcribe_file, analyzer))
    return transcription_response(
        recording.transcript, recording.confidences, recording.seconds, wanted.response_format
    )


async def list_models(request: Request[SpeechToTextState], _caller: Caller) -> Response:
    """Return the model that transcribes."""
    return json_response(Models(data=(_model(request.state),)))


async def read_model(request: Request[SpeechToTextState], _caller: Caller) -> Response:
    """Return one model by its name."""
    if request.path_params["model"] != request.state["transcription_model"]:
        raise NotFound("There is no such model: GET /v1/models lists them.", code="model_not_found")
    return json_response(_model(request.state))


class _StreamedTranscription(StreamingResponse):
    """Events from a file that is held, with its slot, until the last one is sent or the client is gone."""

    def __init__(self, events: AsyncIterator[bytes], held: AsyncExitStack) -> None:
        super().__init__(events, media_type=_EVENT_STREAM, headers={"Cache-Control": "no-store"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


async def _transcribe_file(analyzer: OneShotAnalyzer, file: MemoryFile) -> TranscribedRecording:
    return await _understood(analyzer.transcribe(await analyzer.decode(file)))


async def _understood(transcribing: Awaitable[TranscribedRecording]) -> TranscribedRecording:
    """Return the recording; raises InvalidInput if its language is not understood: the words would be invented."""
    recording = await transcribing
    if recording.foreign:
        message = "The speech is in a language that this server's model does not understand."
        raise InvalidInput(message, code=LANGUAGE_NOT_SUPPORTED)
    return recording


def _check_language(wanted: str | None, only: str | None) -> None:
    if wanted is not None and only is not None and wanted != language_tag(only):
        raise InvalidInput(f"This server's model understands {only!r} only.", code="language")


def _model(state: SpeechToTextState) -> Model:
    return Model(id=state["transcription_model"], created=state["models_since"], owned_by=_OWNER)


SPEECH_TO_TEXT_ROUTES = [
    SPEECH_TO_TEXT.route(
        "POST",
        "/v1/audio/transcriptions",
        transcribe,
        required_permission=Permission.AUDIO_WRITE,
        operation=TRANSCRIBE,
    ),
    SPEECH_TO_TEXT.route(
        "GET", "/v1/models", list_models, required_permission=Permission.AUDIO_WRITE, operation=LIST_MODELS
    ),
    SPEECH_TO_TEXT.route(
        "GET",
        f"/v1/models/{{model:{ANY_TEXT}}}",
        read_model,
        required_permission=Permission.AUDIO_WRITE,
        operation=READ_MODEL,
    ),
]
