"""Real speech from the first chunk to the score, in both forms of Roomtone."""

import asyncio
import importlib.util
import json
import subprocess
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import imageio_ffmpeg
import nats
import pytest
from nats.aio.msg import Msg
from websockets.asyncio.client import ClientConnection, connect

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from deploy.local.ports import free_ports
from tests.e2e.system import System, as_four_processes, on_one_machine
from tests.integration.audio_files import samples_of
from tests.waiting import until

OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module", params=["one machine", "four processes"])
async def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, object_store: RcloneStore
) -> AsyncIterator[System]:
    folder = tmp_path_factory.mktemp("system")
    if request.param == "one machine":
        async with on_one_machine(folder) as system:
            yield system
        return
    # its own bus: on a shared one the analyzer would first analyze other tests' recordings
    async with (
        NatsServer(folder / "nats", free_ports(1)[0]) as bus,
        as_four_processes(folder, bus.url, object_store.config("any")) as system,
    ):
        yield system


@pytest.fixture(scope="module")
def speech() -> bytes:
    """Ten seconds of read speech as the contract's PCM: "Ever tried. Ever failed. No matter. Try again. …"."""
    package = importlib.util.find_spec("moonshine_voice")
    assert package is not None
    assert package.origin is not None
    with wave.open(str(Path(package.origin).with_name("assets") / "beckett.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 16_000, 2)
        samples: bytes = file.readframes(file.getnframes())
        return samples


@asynccontextmanager
async def events_of(system: System, session: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Collect the events of a session that other services get over NATS."""
    events: list[dict[str, Any]] = []

    async def on_message(message: Msg) -> None:
        events.append(json.loads(message.data))

    client = await nats.connect(system.nats)
    await client.subscribe(f"roomtone.v1.default.{session}.>", cb=on_message)
    await client.flush()
    try:
        yield events
    finally:
        await client.close()


async def frames_until_analysis(socket: ClientConnection) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not frames or not frames[-1]["event"].startswith("analysis_"):
            frames.append(json.loads(await socket.recv()))
    return [frame for frame in frames if frame["event"] != "heartbeat"]


def words_of(event: dict[str, Any]) -> str:
    return " ".join(line["text"] for line in event["data"]["transcript"]).lower()


async def test_speech_sent_in_chunks_becomes_a_wav_a_transcript_frames_and_events(
    system: System, speech: bytes
) -> None:
    session = "speech"
    async with (
        httpx.AsyncClient(base_url=system.http, timeout=70) as client,
        events_of(system, session) as events,
        connect(f"{system.notify}?session_id={session}") as socket,
    ):
        chunks = [speech[start : start + 32_000] for start in range(0, len(speech), 32_000)]
        for number, chunk in enumerate(chunks, start=1):
            sent = await client.post(f"/upload_chunk/{session}", files={"audio_chunk": chunk})
            assert (sent.status_code, sent.json()["total_chunks"]) == (200, number)
        response = await client.post(f"/finalize/{session}")
        frames = await frames_until_analysis(socket)
        status = (await client.get(f"/sessions/{session}")).json()
        wav = await client.get(status["audio"]["download_url"])
        said = (await client.get(f"/sessions/{session}/transcript")).json()
        why = (await client.get(f"/sessions/{session}/analysis")).json()
        await until(lambda: events and events[-1]["type"].endswith("analysis.completed"))

    assert response.status_code == 200
    assert samples_of(wav.content) == speech
    assert response.json()["size_bytes"] == len(speech) + 44 == len(wav.content)

    assert [frame["event"] for frame in frames] == ["hello", "audio_ready", "analysis_ready"]
    ready, analysis = frames[1], frames[2]
    for member in ("session_id", "url", "filename", "size_bytes"):
        assert ready[member] == response.json()[member]
    assert analysis["session_id"] == session
    assert 1 <= analysis["temperature"] <= 100
    assert 0 < analysis["confidence"] <= 1
    assert analysis["analysis_summary"]

    kinds = [event["type"].removeprefix("roomtone.v1.") for event in events]
    assert 1 <= kinds.count("chunk.received") <= len(chunks)
    assert [kind for kind in kinds if kind != "chunk.received"] == [
        "session.opened",
        "session.finalized",
        "audio.ready",
        "analysis.completed",
    ]
    for word in ("tried", "failed", "matter", "again", "better"):
        assert word in words_of(events[-1])
    assert status["state"] == "analyzed"
    assert status["analysis"]["temperature"] == analysis["temperature"] == why["temperature"]
    assert said["segments"] == events[-1]["data"]["transcript"]


async def test_a_compressed_stream_split_anywhere_is_decoded(system: System, speech: bytes) -> None:
    session = "webm-speech"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "s16le", "-ar", "16000", "-ac", "1"]
    encoded = await asyncio.to_thread(
        subprocess.run,
        [*command, "-i", "pipe:0", "-c:a", "libopus", "-f", "webm", "pipe:1"],
        input=speech,
        capture_output=True,
        check=True,
    )
    async with (
        httpx.AsyncClient(base_url=system.http, timeout=70) as client,
        events_of(system, session) as events,
    ):
        for number, start in enumerate(range(0, len(encoded.stdout), 7_001)):
            piece = encoded.stdout[start : start + 7_001]
            url = f"/upload_chunk/{session}?chunk_index={number}"
            assert (await client.post(url, content=piece, headers=OCTETS)).status_code == 200
        response = await client.post(f"/finalize/{session}")
        assert response.status_code == 200
        assert abs(response.json()["size_bytes"] - len(speech) - 44) < 32_000
        await until(lambda: events[-1]["type"].endswith("analysis.completed"), within=60)
    for word in ("tried", "failed", "matter"):
        assert word in words_of(events[-1])


async def test_a_container_without_audio_is_reported_as_failed_to_client_and_listeners(system: System) -> None:
    session = "rubbish"
    async with (
        httpx.AsyncClient(base_url=system.http, timeout=70) as client,
        connect(f"{system.notify}?session_id={session}&events=audio_failed") as socket,
    ):
        await client.post(f"/upload_chunk/{session}", content=b"OggS\x00\x02" + bytes(500), headers=OCTETS)
        response = await client.post(f"/finalize/{session}")
        hello = json.loads(await asyncio.wait_for(socket.recv(), 30))
        while (failed := json.loads(await asyncio.wait_for(socket.recv(), 30)))["event"] == "heartbeat":
            pass
    assert hello["event"] == "hello"
    assert response.status_code == 500
    assert (failed["event"], failed["session_id"]) == ("audio_failed", session)
    assert failed["reason"] == response.json()["message"]
