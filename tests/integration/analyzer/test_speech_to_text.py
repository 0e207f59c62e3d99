"""`POST /v1/audio/transcriptions` and `GET /v1/models` with the unmodified `openai` package and real speech."""

import json
from collections.abc import AsyncIterator

import httpx
import numpy as np
import openai
import pytest
from openai import AsyncOpenAI

from tests.evaluation.speech.espeak import Espeak
from tests.integration.analyzer.one_shot_client import analyzing, speech_as, wav
from tests.integration.analyzer.speech import WORDS

MODEL = "whisper-1"
SPEECH = ("call.mp3", speech_as("mp3"), "audio/mpeg")


@pytest.fixture(scope="module")
async def client(nats_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with analyzing(nats_url, rate_limit_per_minute=0, max_file_size=1, max_duration_seconds=30) as opened:
        yield opened


@pytest.fixture(scope="module")
async def sdk(client: httpx.AsyncClient) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="sk-none", base_url=f"{client.base_url}/v1", max_retries=0) as opened:
        yield opened


def has_the_words(text: str) -> bool:
    return all(words.lower() in text.lower() for words in WORDS)


async def test_the_words_come_as_json(sdk: AsyncOpenAI) -> None:
    answer = await sdk.audio.transcriptions.create(file=SPEECH, model=MODEL)
    assert has_the_words(answer.text)
    assert answer.usage is not None
    assert answer.usage.type == "duration"
    assert answer.usage.seconds == 10


async def test_the_words_come_as_text_and_as_subtitles(sdk: AsyncOpenAI) -> None:
    text = await sdk.audio.transcriptions.create(file=SPEECH, model=MODEL, response_format="text")
    assert isinstance(text, str)
    assert has_the_words(text)
    srt = await sdk.audio.transcriptions.create(file=SPEECH, model=MODEL, response_format="srt")
    assert isinstance(srt, str)
    assert srt.startswith("1\n00:00:0")
    vtt = await sdk.audio.transcriptions.create(file=SPEECH, model=MODEL, response_format="vtt")
    assert isinstance(vtt, str)
    assert vtt.startswith("WEBVTT\n\n00:00:0")


async def test_the_verbose_form_has_the_times_of_segments(sdk: AsyncOpenAI) -> None:
    answer = await sdk.audio.transcriptions.create(
        file=SPEECH, model=MODEL, response_format="verbose_json", timestamp_granularities=["segment"]
    )
    assert answer.language == "english"
    assert answer.duration == pytest.approx(10, abs=0.2)
    assert answer.segments
    assert " ".join(segment.text for segment in answer.segments) == answer.text
    assert all(0 <= segment.start < segment.end <= 10.2 for segment in answer.segments)
    assert all(segment.avg_logprob <= 0 for segment in answer.segments)


async def test_the_diarized_form_has_a_speaker_for_each_segment(sdk: AsyncOpenAI) -> None:
    answer = await sdk.audio.transcriptions.create(file=SPEECH, model=MODEL, response_format="diarized_json")
    assert answer.segments
    assert {segment.speaker for segment in answer.segments} == {"unknown"}
    assert [segment.id for segment in answer.segments][:1] == ["seg_000"]


async def test_a_stream_has_a_delta_for_each_line_and_then_all_words(sdk: AsyncOpenAI) -> None:
    stream = await sdk.audio.transcriptions.create(file=SPEECH, model=MODEL, stream=True)
    events = [event async for event in stream]
    deltas = [event.delta for event in events[:-1] if event.type == "transcript.text.delta"]
    assert len(deltas) == len(events) - 1 > 1
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == "".join(deltas)
    assert has_the_words(events[-1].text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt", "O meu pedido devia ter chegado ontem de manhã, mas até agora não recebi nenhuma notícia da loja."),
        ("de", "Gestern Abend ist die Heizung wieder ausgefallen, und niemand geht bei Ihnen ans Telefon."),
        ("it", "Vorrei sapere quando arriva il tecnico, perché aspetto da tre giorni e nessuno mi ha richiamato."),
    ],
)
async def test_of_another_language_a_stream_tells_no_invented_word(
    client: httpx.AsyncClient, language: str, text: str
) -> None:
    espeak = Espeak()
    samples = espeak.say(text, language)
    espeak.close()
    spoken = wav((np.clip(samples, -1, 0.999) * 32768).astype("<i2").tobytes())
    sent = await client.post(
        "/v1/audio/transcriptions", data={"model": MODEL, "stream": "true"}, files={"file": ("a.wav", spoken)}
    )
    assert "transcript.text.delta" not in sent.text
    assert '"code":"language_not_supported"' in sent.text or '"text":""' in sent.text


async def test_a_diarized_stream_has_the_segments_of_the_diarized_form(sdk: AsyncOpenAI) -> None:
    whole = await sdk.audio.transcriptions.create(file=SPEECH, model=MODEL, response_format="diarized_json")
    stream = await sdk.audio.transcriptions.create(
        file=SPEECH, model=MODEL, response_format="diarized_json", stream=True
    )
    events = [event async for event in stream]
    segments = [event.model_dump() for event in events if event.type == "transcript.text.segment"]
    assert segments == [segment.model_dump() for segment in whole.segments]
    assert [event.type for event in events].count("transcript.text.delta") == len(whole.segments)
    assert events[-1].type == "transcript.text.done"


@pytest.mark.parametrize("language", ["en", "en-US", "english", "English"])
async def test_a_language_is_named_by_its_code_or_in_english(sdk: AsyncOpenAI, language: str) -> None:
    silence = ("a.wav", wav(bytes(32_000)))
    assert (await sdk.audio.transcriptions.create(file=silence, model=MODEL, language=language)).text == ""


async def test_unknown_paths_and_methods_are_refused_in_openai_s_shape(client: httpx.AsyncClient) -> None:
    unknown = await client.post("/v1/audio/speech", json={})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    method = await client.get("/v1/audio/transcriptions")
    assert (method.status_code, method.headers["allow"]) == (405, "POST")
    assert set(method.json()["error"]) == {"message", "type", "param", "code"}
    assert (await client.get("/unknown")).json() == {"status": "error", "message": "Not Found"}


async def test_silence_has_no_words(sdk: AsyncOpenAI) -> None:
    answer = await sdk.audio.transcriptions.create(file=("a.wav", wav(bytes(64_000))), model=MODEL)
    assert answer.text == ""
    stream = await sdk.audio.transcriptions.create(file=("a.wav", wav(bytes(64_000))), model=MODEL, stream=True)
    assert [event.type async for event in stream] == ["transcript.text.done"]


async def test_models_are_listed_and_told_about(sdk: AsyncOpenAI) -> None:
    (model,) = [model async for model in sdk.models.list()]
    assert (model.id, model.object, model.owned_by) == ("moonshine-tiny-en", "model", "roomtone")
    assert (await sdk.models.retrieve(model.id)) == model
    with pytest.raises(openai.NotFoundError, match="no such model"):
        await sdk.models.retrieve("other")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"response_format": "yaml"}, "response_format"),
        ({"stream": "perhaps"}, "stream"),
        ({"language": "de"}, "language"),
        ({"language": "German"}, "language"),
        ({"language": "englisch"}, "language"),
        ({"language": "xx"}, "language"),
        ({"timestamp_granularities[]": "word", "response_format": "verbose_json"}, "timestamp_granularities"),
        ({"timestamp_granularities[]": "segment"}, "timestamp_granularities"),
        ({"include[]": "logprobs"}, "include"),
    ],
)
async def test_what_cant_be_served_is_refused_in_openai_s_shape(
    client: httpx.AsyncClient, fields: dict[str, str], param: str
) -> None:
    response = await client.post(
        "/v1/audio/transcriptions", data={"model": MODEL, **fields}, files={"file": ("a.wav", wav(bytes(32_000)))}
    )
    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]


async def test_a_form_without_a_file_and_bytes_that_are_no_audio_are_refused(client: httpx.AsyncClient) -> None:
    url, data = "/v1/audio/transcriptions", {"model": MODEL}
    missing = await client.post(url, data=data, files={"other": ("a.wav", b"x")})
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "file")
    image = await client.post(url, data=data, files={"file": ("a.wav", b"\x89PNG\r\n\x1a\n" + bytes(100))})
    assert (image.status_code, image.json()["error"]["code"]) == (400, "not_audio")
    streamed = await client.post(url, data=data | {"stream": "true"}, files={"file": ("a.wav", b"no audio")})
    assert (streamed.status_code, streamed.json()["error"]["code"]) == (400, "not_audio")
    large = await client.post(url, data=data, files={"file": ("a.wav", bytes(1_100_000))})
    assert (large.status_code, large.json()["error"]["type"]) == (413, "invalid_request_error")
    bare = await client.post(url, content=b"{}", headers={"Content-Type": "application/json"})
    assert (bare.status_code, bare.json()["error"]["param"]) == (400, "file")


async def test_fields_may_come_before_and_behind_the_file_and_unknown_ones_change_nothing(
    client: httpx.AsyncClient,
) -> None:
    parts = [("prompt", "names"), ("file", ""), ("temperature", "0.2"), ("response_format", "text"), ("model", MODEL)]
    body = b""
    for name, value in parts:
        filename = '; filename="a.wav"' if name == "file" else ""
        content = wav(bytes(32_000)) if name == "file" else value.encode()
        body += f'--bnd\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + content + b"\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=bnd"}
    response = await client.post("/v1/audio/transcriptions", content=body + b"--bnd--\r\n", headers=headers)
    assert (response.status_code, response.text) == (200, "\n")


async def test_a_stream_is_server_sent_events_that_nobody_caches(client: httpx.AsyncClient) -> None:
    async with client.stream(
        "POST", "/v1/audio/transcriptions", data={"model": MODEL, "stream": "true"}, files={"file": SPEECH}
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        events = [line async for line in response.aiter_lines() if line]
    assert all(json.loads(event.removeprefix("data: "))["type"].startswith("transcript.text.") for event in events)


async def test_a_client_that_leaves_a_stream_frees_its_slot(client: httpx.AsyncClient) -> None:
    for _ in range(12):  # more than there are places
        async with client.stream(
            "POST", "/v1/audio/transcriptions", data={"model": MODEL, "stream": "true"}, files={"file": SPEECH}
        ) as response:
            assert response.status_code == 200
    answer = await client.post("/v1/audio/transcriptions", data={"model": MODEL}, files={"file": SPEECH})
    assert answer.status_code == 200
