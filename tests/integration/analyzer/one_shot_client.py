"""A client of one-shot analysis, and an analyzer for it."""

import asyncio
import io
import subprocess
import tempfile
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Self

import httpx
import imageio_ffmpeg

from services.analyzer.app import create_service
from services.analyzer.settings import AnalyzerSettings
from shared.observability.metrics import Metrics
from tests.integration.analyzer.speech import speech_sample
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
    """Run the analyzer; yields a client of it. The store is not reachable: one-shot analysis needs none."""
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
    return made(["-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "pipe:0", *FORMATS[name]], speech_sample())


def made(arguments: Sequence[str], given: bytes = b"") -> bytes:
    """Return the file that FFmpeg makes; through a temporary one, in which it can seek."""
    with tempfile.NamedTemporaryFile() as file:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *arguments, "-y", file.name]
        subprocess.run(command, input=given, check=True)
        return file.read()


def error_of(response: httpx.Response, status: int) -> dict[str, str]:
    """Return an error after checking that it is in the API group's form."""
    assert response.status_code == status, response.text
    body: dict[str, str] = response.json()
    assert set(body) == {"error", "details", "code", "timestamp"}
    assert body["timestamp"].endswith("Z")
    assert body["error"]
    assert body["details"]
    return body


def form(name: str, content: bytes) -> bytes:
    """Return a form with one file whose name is not escaped; its boundary is `bnd`."""
    head = f'--bnd\r\nContent-Disposition: form-data; name="audio"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--bnd--\r\n"


def decoder_that(script: str, folder: Path) -> str:
    """Write a shell script in place of the decoder and return its path."""
    program = folder / "decoder"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return str(program)


class RawUpload:
    """One request written byte by byte, so that it can be sent in parts or aborted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, client: httpx.AsyncClient) -> Self:
        return cls(*await asyncio.open_connection(client.base_url.host, client.base_url.port))

    async def send_head(self, size: int) -> None:
        kind = "Content-Type: multipart/form-data; boundary=bnd"
        await self.send(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\nContent-Length: {size}\r\n\r\n".encode())

    async def send(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def send_form(self, content: bytes) -> None:
        body = form("call.wav", content)
        await self.send_head(len(body))
        await self.send(body)

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self._reader.readexactly(int(headers["content-length"]))
        return int(status.split(" ")[1]), headers, body

    def disconnect(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def open_raw_upload(client: httpx.AsyncClient) -> AsyncIterator[RawUpload]:
    upload = await RawUpload.connect(client)
    try:
        yield upload
    finally:
        upload.disconnect()
