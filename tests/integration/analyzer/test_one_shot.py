"""`POST /analyze-audio` with real speech, the real local model and the real FFmpeg."""

import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import nats
import pytest

from tests.integration.analyzer.one_shot_client import FORMATS, analyze, analyzing, error_of, form, speech_as, wav
from tests.integration.analyzer.speech import WORDS, speech_sample

HALF_A_SECOND = wav(bytes(16_000))
_FORM = {"Content-Type": "multipart/form-data; boundary=bnd"}
BRIEF = {"temperature", "confidence", "timestamp", "analysis_summary"}
WORDS_OF_DETAIL = {"segments", "transcript", "scorer", "reason_codes"}
DETAILED = WORDS_OF_DETAIL | {"needs_review", "evidence", "timeline", "channels", "silence_seconds"}


@pytest.fixture(scope="module")
async def client(nats_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with analyzing(nats_url, rate_limit_per_minute=0) as opened:
        yield opened


@pytest.mark.parametrize("name", FORMATS)
async def test_speech_in_every_format_is_scored(client: httpx.AsyncClient, name: str) -> None:
    response = await analyze(client, speech_as(name), f"Call Of Today.{name.upper()}")
    assert response.status_code == 200, response.text
    body = response.json()
    assert set(body) == BRIEF
    assert isinstance(body["temperature"], int)
    assert 1 <= body["temperature"] <= 40
    assert 0 < body["confidence"] <= 1
    assert body["timestamp"].endswith("Z")
    assert "not calibrated" in body["analysis_summary"]


async def test_with_detail_the_words_and_reasons_come_along(client: httpx.AsyncClient) -> None:
    body = (await analyze(client, speech_as("mp3"), "call.mp3", detail="true")).json()
    assert set(body) == BRIEF | DETAILED
    assert all(words.lower() in body["transcript"].lower() for words in WORDS)
    assert body["transcript"] == " ".join(segment["text"] for segment in body["segments"])
    assert all(0 <= segment["start"] <= segment["end"] <= 11 for segment in body["segments"])
    assert (body["scorer"], type(body["reason_codes"])) == ("local-2/words-minilm-5", list)


async def test_any_other_value_of_detail_is_rejected(client: httpx.AsyncClient) -> None:
    assert error_of(await analyze(client, wav(bytes(32_000)), detail="much"), 400)["code"] == "bad_detail"
    assert set((await analyze(client, wav(bytes(32_000)), detail="false")).json()) == BRIEF


async def test_silence_is_not_an_error_and_is_reported(client: httpx.AsyncClient) -> None:
    body = (await analyze(client, wav(bytes(160_000)), detail="true")).json()
    assert (body["temperature"], body["confidence"], body["segments"]) == (1, 0, [])
    assert (body["transcript"], body["reason_codes"]) == ("", ["no_speech"])
    assert "No speech" in body["analysis_summary"]


async def test_the_bytes_decide_where_the_name_disagrees(client: httpx.AsyncClient) -> None:
    assert (await analyze(client, wav(speech_sample()), "call.mp3")).status_code == 200


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("mp3", "Ever tried. Ever failed. No matter."),
        ("flac", "Ever tried. Ever failed. No matter."),
        ("wav", "Ever tried. Ever failed. No matter."),
        ("ogg", "Ever (tried|cried). Ever failed."),  # half of its bytes are less sound, and blur one consonant
    ],
)
async def test_the_rest_of_a_truncated_stream_is_scored(client: httpx.AsyncClient, name: str, heard: str) -> None:
    content = speech_as(name)
    response = await analyze(client, content[: len(content) // 2], f"call.{name}", detail="true")
    assert response.status_code == 200, response.text
    assert re.match(heard, response.json()["transcript"])


async def test_a_truncated_m4a_has_lost_its_index_and_is_rejected(client: httpx.AsyncClient) -> None:
    assert error_of(await analyze(client, speech_as("m4a")[:-2000], "call.m4a"), 400)["error"] == "Invalid file format"


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"a text that was given another name\n" * 200,
        bytes(64_000),
        PLAYLIST,
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x89PNG\r\n\x1a\n" + bytes(2000),
        b"RIFF\x24\x00\x00\x00WAVE",
        b"RIFF\x24\x00\x00\x00WAVE" + bytes(range(256)) * 30,
        wav(b""),
        wav(bytes(64)),
        b"\x00\x00\x00\x20ftypM4A " + bytes(range(256)) * 30,
    ],
)
async def test_a_file_that_is_not_audio_is_rejected(client: httpx.AsyncClient, content: bytes) -> None:
    body = error_of(await analyze(client, content), 400)
    assert body["error"] == "Invalid file format"
    assert "/" not in body["details"]


@pytest.mark.parametrize(
    "name",
    [
        "call",
        "call.txt",
        "call.wav.exe",
        "wav",
        ".",
        "call.wav\x00.txt",
        "gpj.\u202evaw",
        "call.\u202ewav",
        "..",
        "x.m3u8",
    ],
)
async def test_a_name_without_an_allowed_extension_is_rejected(client: httpx.AsyncClient, name: str) -> None:
    response = await client.post("/analyze-audio", content=form(name, HALF_A_SECOND), headers=_FORM)
    body = error_of(response, 400)
    assert body["error"] == "Invalid file format"
    assert body["details"].startswith("Supported formats: wav, mp3, m4a, flac, ogg")


@pytest.mark.parametrize(
    "name", ["\u202e.wav", "../../etc/passwd.wav", "a\x00.wav", "\r.wav", "n" * 2000 + ".wav", "日本.WaV"]
)
async def test_a_strange_name_with_an_allowed_extension_is_accepted(client: httpx.AsyncClient, name: str) -> None:
    response = await client.post("/analyze-audio", content=form(name, HALF_A_SECOND), headers=_FORM)
    assert response.status_code == 200, response.text


async def test_a_name_of_4_kb_is_rejected_or_accepted_but_breaks_nothing(client: httpx.AsyncClient) -> None:
    response = await client.post("/analyze-audio", content=form("n" * 4096 + ".wav", HALF_A_SECOND), headers=_FORM)
    assert response.status_code in {200, 400, 413}


@pytest.mark.parametrize("name", ["file", "Audio", "audio_chunk"])
@pytest.mark.parametrize("size", [100, 200_000])
async def test_a_form_without_the_file_gets_an_error_that_says_what_to_send(
    client: httpx.AsyncClient, name: str, size: int
) -> None:
    body = error_of(await client.post("/analyze-audio", files={name: ("call.wav", wav(b"\xfe\xff" * size))}), 400)
    assert body["error"] == "No audio file provided"
    assert "'audio'" in body["details"]


async def test_an_audio_field_that_is_no_file_has_no_name(client: httpx.AsyncClient) -> None:
    assert (
        error_of(await client.post("/analyze-audio", files={"audio": (None, b"text")}), 400)["code"] == "bad_extension"
    )


async def test_a_second_file_is_rejected(client: httpx.AsyncClient) -> None:
    files = [("audio", ("a.wav", wav(bytes(32_000)))), ("audio", ("b.wav", wav(bytes(32_000))))]
    assert error_of(await client.post("/analyze-audio", files=files), 400)["code"] == "duplicate_field"


async def test_fields_beside_the_file_are_ignored(client: httpx.AsyncClient) -> None:
    files = {"audio": ("a.wav", wav(bytes(32_000)))}
    assert (await client.post("/analyze-audio", files=files, data={"language": "en"})).status_code == 200


async def test_a_million_parts_are_rejected(client: httpx.AsyncClient) -> None:
    part = b'--bnd\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    response = await client.post("/analyze-audio", content=part * 300_000, headers=_FORM)
    assert error_of(response, 413)["details"]


async def test_a_form_that_ends_early_is_rejected(client: httpx.AsyncClient) -> None:
    half = form("a.wav", HALF_A_SECOND)[:-20]
    response = await client.post("/analyze-audio", content=half, headers=_FORM)
    assert error_of(response, 400)["code"] == "bad_form"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "audio/wav"}, 400),
        ({"Content-Type": "application/json"}, 400),
        ({"Content-Type": "multipart/mixed; boundary=bnd"}, 400),
        ({}, 400),
        ({"Content-Type": "multipart/form-data; boundary=bnd", "Content-Encoding": "gzip"}, 415),
    ],
)
async def test_a_body_that_is_no_form_and_a_compressed_one_are_rejected(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    error_of(await client.post("/analyze-audio", content=form("a.wav", HALF_A_SECOND), headers=headers), status)


async def test_a_request_leaves_no_file_and_publishes_no_event(
    nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # so that the folder above is found
    recordings = [speech_as("ogg"), speech_as("ogg")[:-3000], PLAYLIST]
    working_folder = set(Path.cwd().rglob("*"))
    listener = await nats.connect(nats_url)
    received = await listener.subscribe("roomtone.v1.>")
    await listener.flush()
    async with analyzing(nats_url) as client:
        responses = [await analyze(client, content, "call.ogg") for content in recordings]
    await listener.flush()  # what was published before has arrived by now
    assert [response.status_code for response in responses] == [200, 200, 400]
    assert received.pending_msgs == 0
    assert tempfile.gettempdir() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert set(Path.cwd().rglob("*")) == working_folder
    await listener.close()
