"""Speech to text for clients of OpenAI's API (docs/contracts.md, section 9).

`POST /v1/audio/transcriptions`, `GET /v1/models` and `GET /v1/models/{model}`.
"""

from contextlib import AsyncExitStack
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.analyzer.memory_file import MemoryFile
from services.analyzer.one_shot_request import OneShotState, ReceivedFile, received_file
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.speech_to_text.formats import transcription_response
from services.analyzer.speech_to_text.operations import LIST_MODELS, READ_MODEL, TRANSCRIBE
from services.analyzer.speech_to_text.request import TranscriptionForm
from services.analyzer.speech_to_text.schemas import SPEECH_TO_TEXT, Model, Models
from services.analyzer.speech_to_text.stream import transcription_events
from shared.domain.analysis import LANGUAGE_NOT_SUPPORTED
from shared.domain.caller import Caller, Permission
from shared.domain.errors import InvalidInput, NotFound
from shared.http.paths import ANY_TEXT
from shared.http.responses import json_response

_OWNER = "roomtone"


class SpeechToTextState(OneShotState):
    """What the handlers use of the lifespan state; `models_since` is when they were opened, in seconds of the epoch."""

    transcription_model: str
    models_since: int


async def transcribe(request: Request[SpeechToTextState], caller: Caller) -> Response:
    """Transcribe one file; nothing of it is kept."""
    form = None

    def opened() -> TranscriptionForm:
        nonlocal form
        form = TranscriptionForm(request, request.state["one_shot_limits"].file)
        return form

    async with AsyncExitStack() as stack:
        received = await stack.enter_async_context(received_file(request, caller, opened))
        assert form is not None  # noqa: S101  # it was read into the file
        wanted = form.request
        analyzer = request.state["analyzer"]
        if wanted.stream:
            file = await stack.enter_async_context(received.slot())
            sound = await analyzer.decode(file)  # what is no audio is refused before the answer begins
            events = transcription_events(partial(_understood, analyzer.transcribe(sound)))
            return _StreamedResponse(events, stack.pop_all())
        recording = await received.run(partial(_transcribed, request))
    return transcription_response(
        recording.transcript, recording.confidences, recording.seconds, wanted.response_format
    )
