import asyncio
import traceback

import pytest
from openai import AsyncOpenAI

from services.analyzer.openai_client import open_client
from services.analyzer.transcribe.openai import OpenAITranscriber
from shared.audio.wav import wav_header
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Permanent, RoomtoneError, Unavailable
from tests.integration.analyzer.fake_openai import HANG, KEY, PROVIDER_TEXT, FakeOpenAI, Reply, failure
from tests.integration.analyzer.speech import piece, speech_sample

SOUND = piece(speech_sample())


def segment(
    start: float, end: float, text: str, *, no_speech: float = 0.01, logprob: float = -0.2
) -> dict[str, object]:
    return {"start": start, "end": end, "text": text, "no_speech_prob": no_speech, "avg_logprob": logprob}


HEARD = Reply(
    {"text": "Ever tried.", "segments": [segment(0.1, 1.4, " Ever tried."), segment(1.6, 3.0, " Ever failed.")]}
)


def whisper(client: AsyncOpenAI, *, deadline: float = 10.0) -> OpenAITranscriber:
    return OpenAITranscriber(client, "whisper-1", deadline=deadline)


async def failing(client: AsyncOpenAI, *, deadline: float = 10.0) -> RoomtoneError:
    with pytest.raises(RoomtoneError) as failed:
        await whisper(client, deadline=deadline).transcribe(SOUND)
    return failed.value


async def test_segments_become_lines_with_their_times(openai_server: FakeOpenAI, openai_client: AsyncOpenAI) -> None:
    openai_server.will_reply(HEARD)
    assert await whisper(openai_client).transcribe(SOUND) == [
        TranscriptLine(start=0.1, end=1.4, text=" Ever tried."),
        TranscriptLine(start=1.6, end=3.0, text=" Ever failed."),
    ]
    (request,) = openai_server.requests
    assert request.path == "/v1/audio/transcriptions"
    assert request.authorization == f"Bearer {KEY}"
    assert wav_header(len(SOUND.pcm)) + SOUND.pcm in request.body
    assert b"whisper-1" in request.body
    assert b"verbose_json" in request.body


async def test_segments_without_speech_are_dropped(openai_server: FakeOpenAI, openai_client: AsyncOpenAI) -> None:
    invented = segment(5, 9, "Thanks for watching!", no_speech=0.9, logprob=-1.4)
    hesitant = segment(9, 10, "Well.", no_speech=0.9, logprob=-0.3)
    openai_server.will_reply(Reply({"text": "Well.", "segments": [invented, hesitant]}))
    assert [line.text for line in await whisper(openai_client).transcribe(SOUND)] == ["Well."]


async def test_a_model_without_times_gets_short_pieces_and_those_pieces_times(
    openai_server: FakeOpenAI, openai_client: AsyncOpenAI
) -> None:
    openai_server.will_reply(Reply({"text": "Ever tried. Ever failed."}))
    transcriber = OpenAITranscriber(openai_client, "gpt-4o-transcribe", deadline=10)
    (line,) = await transcriber.transcribe(SOUND)
    assert (line.start, line.end, line.text) == (0, SOUND.seconds, "Ever tried. Ever failed.")
    assert transcriber.longest_piece_seconds < whisper(openai_client).longest_piece_seconds
    assert b"verbose_json" not in openai_server.requests[0].body


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "model_credentials"), (403, "model_credentials"), (400, "model_refused"), (404, "model_refused")],
)
async def test_an_error_that_a_retry_can_not_change_is_permanent(
    openai_server: FakeOpenAI, openai_client: AsyncOpenAI, status: int, code: str
) -> None:
    openai_server.will_reply(failure(status))
    error = await failing(openai_client)
    assert isinstance(error, Permanent)
    assert error.code == code
    assert len(openai_server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_or_failing_service_is_retried(
    openai_server: FakeOpenAI, openai_client: AsyncOpenAI, status: int
) -> None:
    openai_server.will_reply(failure(status), failure(status), HEARD)
    assert len(await whisper(openai_client).transcribe(SOUND)) == 2
    assert len(openai_server.requests) == 3


@pytest.mark.parametrize("status", [429, 500])
async def test_a_service_that_stays_busy_is_unavailable(
    openai_server: FakeOpenAI, openai_client: AsyncOpenAI, status: int
) -> None:
    openai_server.will_reply(failure(status))
    error = await failing(openai_client)
    assert isinstance(error, Unavailable)
    assert error.code == "model_busy"
    assert len(openai_server.requests) == 3


@pytest.mark.parametrize("reply", [failure(401), failure(400), failure(500)])
async def test_neither_the_key_nor_the_providers_text_is_in_an_error(
    openai_server: FakeOpenAI, openai_client: AsyncOpenAI, reply: Reply
) -> None:
    openai_server.will_reply(reply)
    shown = "".join(traceback.format_exception(await failing(openai_client)))
    assert KEY not in shown
    assert PROVIDER_TEXT not in shown


async def test_a_service_that_hangs_is_given_up_within_the_deadline(openai_server: FakeOpenAI) -> None:
    openai_server.will_reply(HANG)
    short = piece(speech_sample()[:3200])
    async with open_client(KEY, openai_server.base_url, retries=5) as client, asyncio.timeout(10):
        with pytest.raises(Unavailable) as failed:
            await whisper(client, deadline=0.2).transcribe(short)
    assert failed.value.code == "model_timeout"


async def test_a_long_retry_after_is_not_waited_for(openai_server: FakeOpenAI) -> None:
    openai_server.will_reply(Reply({}, 429, {"retry-after": "100"}))
    async with open_client(KEY, openai_server.base_url, retries=2) as client, asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await whisper(client, deadline=0.2).transcribe(piece(speech_sample()[:3200]))


@pytest.mark.parametrize("body", ['{"text": "Ever tri', "", {"segments": []}, {"text": None}, ["text"]])
async def test_a_truncated_or_malformed_response_is_retryable(
    openai_server: FakeOpenAI, openai_client: AsyncOpenAI, body: object
) -> None:
    openai_server.will_reply(Reply(body))
    error = await failing(openai_client)
    assert isinstance(error, Unavailable)
    assert error.code == "model_failed"


async def test_an_unreachable_service_is_unavailable() -> None:
    async with open_client(KEY, "http://127.0.0.1:9/v1", retries=0) as client:
        error = await failing(client)
    assert isinstance(error, Unavailable)
    assert error.code == "model_unreachable"
