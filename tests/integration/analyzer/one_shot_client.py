"""A client of one-shot analysis, and the analyzer that it talks to."""

import io
import subprocess
import tempfile
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache

import httpx
import imageio_ffmpeg

from services.analyzer.app import create_service
from services.analyzer.settings import AnalyzerSettings
from shared.metrics import Metrics
from tests.integration.analyzer.speech import beckett
from tests.serving import serving

PATH = "/analyze-audio"
STORE = {
    "s3_endpoint_url": "http://127.0.0.1:9",
    "s3_access_key": "key",
    "s3_secret_key": "secret",
    "s3_bucket_name": "bucket",
}
FORMATS: dict[str, Sequence[str]] = {
    "wav": ["-f", "wav"],
    "mp3": ["-c:a", "libmp3lame", "-f", "mp3"],
    "m4a": ["-c:a", "aac", "-f", "ipod"],
    "mp4": ["-c:a", "aac", "-f", "mp4"],
    "flac": ["-c:a", "flac", "-f", "flac"],
    "ogg": ["-c:a", "libvorbis", "-f", "ogg"],
    "opus": ["-c:a", "libopus", "-f", "ogg"],
    "webm": ["-c:a", "libopus", "-f", "webm"],
    "aac": ["-c:a", "aac", "-f", "adts"],
}


def settings_of(nats_url: str, **more: object) -> AnalyzerSettings:
    given = {"nats_url": nats_url, "openai_api_key": None, **STORE}
    return AnalyzerSettings.model_validate(given | more)


@asynccontextmanager
async def analyzing(nats_url: str, **more: object) -> AsyncIterator[httpx.AsyncClient]:
    """Run the analyzer; yields a client of it. The store is out of reach: nothing here needs one."""
    settings = settings_of(nats_url, **more)
    async with (
        serving(create_service(settings, Metrics()), settings) as base,
        httpx.AsyncClient(base_url=base, timeout=60) as client,
    ):
        yield client


async def analyze(
    client: httpx.AsyncClient,
    content: bytes,
    name: str = "call.wav",
    headers: dict[str, str] | None = None,
    **query: str,
) -> httpx.Response:
    return await client.post(PATH, files={"audio": (name, content)}, params=query, headers=headers)


def wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(pcm)
    return file.getvalue()


@cache
def speech_as(name: str) -> bytes:
    """Return ten seconds of speech in a format; the index of an M4A comes last."""
    return made(["-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "pipe:0", *FORMATS[name]], beckett())


def made(arguments: Sequence[str], given: bytes = b"") -> bytes:
    """Return the file that FFmpeg makes; through a temporary one, in which it can seek."""
    with tempfile.NamedTemporaryFile() as file:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *arguments, "-y", file.name]
        subprocess.run(command, input=given, check=True)
        return file.read()


def refused(answer: httpx.Response, status: int) -> dict[str, str]:
    """Return an error after checking that it is in the family's shape."""
    assert answer.status_code == status, answer.text
    body: dict[str, str] = answer.json()
    assert set(body) == {"error", "details", "code", "timestamp"}
    assert body["timestamp"].endswith("Z")
    assert body["error"]
    assert body["details"]
    return body
