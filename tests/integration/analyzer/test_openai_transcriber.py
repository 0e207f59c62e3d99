import pytest

from services.analyzer.openai_api.errors import UnreadableAnswer
from services.analyzer.openai_api.service import ModelService
from services.analyzer.transcribe.openai import OpenAITranscriber
from shared.audio.wav import wav_header
from shared.domain.analysis import TranscriptLine
from tests.integration.analyzer.fake_openai import KEY, FakeOpenAI, Reply
from tests.integration.analyzer.speech import piece, speech_sample

SOUND = piece(speech_sample())


def segment(
    start: float, end: float, text: str, *, no_speech: float = 0.01, logprob: float = -0.2
) -> dict[str, object]:
    return {"start": start, "end": end, "text": text, "no_speech_prob": no_speech, "avg_logprob": logprob}


HEARD = Reply(
    {"text": "Ever tried.", "segments": [segment(0.1, 1.4, " Ever tried."), segment(1.6, 3.0, " Ever failed.")]}
)


def whisper(service: ModelService) -> OpenAITranscriber:
    return OpenAITranscriber(service, "whisper-1", deadline=10.0)


async def test_segments_become_lines_with_their_times(openai_server: FakeOpenAI, model_service: ModelService) -> None:
    openai_server.will_reply(HEARD)
    assert list((await whisper(model_service).transcribe(SOUND)).lines) == [
        TranscriptLine(start=0.1, end=1.4, text="Ever tried."),
        TranscriptLine(start=1.6, end=3.0, text="Ever failed."),
    ]
    (request,) = openai_server.requests
    assert request.path == "/v1/audio/transcriptions"
    assert request.authorization == f"Bearer {KEY}"
    assert wav_header(len(SOUND.pcm)) + SOUND.pcm in request.body
    assert b"whisper-1" in request.body
    assert b"verbose_json" in request.body


async def test_a_model_without_times_gets_short_pieces_and_those_pieces_times(
    openai_server: FakeOpenAI, model_service: ModelService
) -> None:
    openai_server.will_reply(Reply({"text": "Ever tried. Ever failed."}))
    transcriber = OpenAITranscriber(model_service, "gpt-4o-transcribe", deadline=10)
    (line,) = (await transcriber.transcribe(SOUND)).lines
    assert (line.start, line.end, line.text) == (0, SOUND.seconds, "Ever tried. Ever failed.")
    assert transcriber.longest_piece_seconds < whisper(model_service).longest_piece_seconds
    assert b"verbose_json" not in openai_server.requests[0].body


@pytest.mark.parametrize("body", ['{"text": "Ever tri', "", {"segments": []}, {"text": None}, ["text"]])
async def test_a_truncated_or_malformed_response_is_retryable(
    openai_server: FakeOpenAI, model_service: ModelService, body: object
) -> None:
    openai_server.will_reply(Reply(body))
    with pytest.raises(UnreadableAnswer):
        await whisper(model_service).transcribe(SOUND)
