"""Both channels of a recording are kept beside its WAV where they are not the same, and go with it."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from deploy.local.ports import free_ports
from shared.domain.events import AudioReady, StoredChannels
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, last_event
from shared.storage.object_store import open_store
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import RATE, encoded, samples_of, strength, tone
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import (
    Pipeline,
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
    store_settings,
)
from tests.integration.stereo_files import (
    LEFT_HERTZ,
    RIGHT_HERTZ,
    call,
    decoded_flac,
    encoded_channels,
    interleaved,
    mixed_by_ffmpeg,
    side,
    sides,
)
from tests.service_process import ServiceProcess
from tests.waiting import until

CALL = call()
SECOND = 2 * RATE
ONE_SIDE = side(LEFT_HERTZ, 4, speaks_first=True)


@pytest.fixture(scope="module", params=["any", "ascending"])
async def config(request: pytest.FixtureRequest, object_store: RcloneStore) -> StoreConfig:
    return object_store.config(request.param)


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, config: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        ingest_running(ingest_settings(spool, nats_url, config)) as pipeline,
        assembler_running(assembler_settings(spool, nats_url, config)),
    ):
        yield pipeline


@dataclass(frozen=True, slots=True)
class Recording:
    """A session of one test, on a running pipeline."""

    pipeline: Pipeline
    bus: Bus
    config: StoreConfig
    session: str

    async def assembled(self, *chunks: bytes) -> AudioReady:
        """Send the chunks, finalize, and return the event."""
        for chunk in chunks:
            await self.pipeline.send(self.session, chunk)
        assert (await self.pipeline.finalize(self.session)).status_code == 200
        return await ready_event(self.bus, self.session)

    async def wav(self) -> bytes:
        """Return the samples of the WAV."""
        return samples_of(await download(self.config, f"audio_{self.session}.wav"))

    async def flac(self) -> bytes:
        """Return the FLAC of both channels."""
        return await download(self.config, f"channels_{self.session}.flac")

    async def has_flac(self) -> bool:
        """Whether there is one."""
        async with open_store(self.config) as store:
            return await store.head(f"channels_{self.session}.flac") is not None


@pytest.fixture
def recording(pipeline: Pipeline, bus: Bus, config: StoreConfig, request: pytest.FixtureRequest) -> Recording:
    return Recording(pipeline, bus, config, hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:24])


async def ready_event(bus: Bus, session: str) -> AudioReady:
    envelope = await until(lambda: last_event(bus, SessionKey("default", session), AudioReady))
    assert envelope is not None
    assert isinstance(envelope.event, AudioReady)
    return envelope.event


@pytest.mark.parametrize(("name", "pieces"), [("wav", 4), ("mp3", 1), ("mp3", 4), ("ogg", 1), ("m4a", 4), ("webm", 1)])
async def test_both_sides_of_a_call_are_kept_as_a_flac_beside_the_mix(
    name: str, pieces: int, recording: Recording
) -> None:
    content = encoded_channels(name, CALL)
    size = -(-len(content) // pieces)
    chunks = [content[start : start + size] for start in range(0, len(content), size)]

    ready = await recording.assembled(*chunks)

    assert ready.channels is not None
    flac = await recording.flac()
    assert ready.channels == StoredChannels(
        object_key=f"channels_{recording.session}.flac",
        size_bytes=len(flac),
        sha256=hashlib.sha256(flac).hexdigest(),
        names=("left", "right"),
    )
    kept = decoded_flac(flac)
    left, right = sides(kept)
    assert strength(left[:SECOND]) > 0.9
    assert strength(right[SECOND : 2 * SECOND], RIGHT_HERTZ) > 0.9
    if name == "wav":
        assert kept == CALL
    mix = np.frombuffer(await recording.wav(), "<i2")
    assert len(mix) == len(kept) // 4
    assert abs(mix.astype(int) - mixed_by_ffmpeg(content)).max() <= 1
    assert recording.pipeline.leftovers() == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded_channels("wav", interleaved(ONE_SIDE, ONE_SIDE)), ONE_SIDE),
        (encoded_channels("wav", interleaved(ONE_SIDE, -ONE_SIDE)), ONE_SIDE),
        (encoded_channels("wav", interleaved(ONE_SIDE, 0 * ONE_SIDE)), ONE_SIDE),
        (encoded_channels("wav", interleaved(0 * ONE_SIDE, ONE_SIDE)), ONE_SIDE),
        (encoded_channels("wav", interleaved(0 * ONE_SIDE, 0 * ONE_SIDE)), 0 * ONE_SIDE),
        (encoded_channels("wav", ONE_SIDE.tobytes(), 1), ONE_SIDE),
    ],
    ids=["equal", "antiphase", "right dead", "left dead", "silent", "mono"],
)
async def test_one_sound_is_one_channel_at_its_level(
    content: bytes, expected: NDArray[np.int16], recording: Recording
) -> None:
    ready = await recording.assembled(content)
    assert ready.channels is None
    assert await recording.wav() == expected.tobytes()
    assert not await recording.has_flac()


async def test_stereo_behind_mono_is_kept_with_the_mono_on_both_sides(
    recording: Recording,
) -> None:
    ready = await recording.assembled(encoded("wav"), encoded_channels("flac", CALL), b"RIFF broken")
    left, right = sides(decoded_flac(await recording.flac()))
    assert (left[: 2 * SECOND], right[: 2 * SECOND]) == (tone(2), tone(2))
    assert (left[2 * SECOND :], right[2 * SECOND :]) == sides(CALL)
    assert ready.duration_seconds == 6


async def test_a_recording_of_eight_channels_is_one(
    recording: Recording,
) -> None:
    rows = [side(LEFT_HERTZ + 10 * number, 2, speaks_first=bool(number % 2)) for number in range(8)]
    content = encoded_channels("wav", np.stack(rows, axis=1).tobytes(), 8)
    ready = await recording.assembled(content)
    assert ready.channels is None
    mix = await recording.wav()
    assert mix == mixed_by_ffmpeg(content).tobytes()


async def test_a_long_call_becomes_a_flac_of_many_parts(
    recording: Recording,
) -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 4000, (400 * RATE, 2)).clip(-32768, 32767).astype("<i2").tobytes()
    content = encoded_channels("wav", noise)
    ready = await recording.assembled(
        *(content[start : start + 9_000_000] for start in range(0, len(content), 9_000_000))
    )
    assert ready.channels is not None
    flac = await recording.flac()
    assert len(flac) == ready.channels.size_bytes > 10 * 1024 * 1024
    assert decoded_flac(flac) == noise


async def test_the_channels_of_an_upload_are_kept_beside_its_original(
    pipeline: Pipeline, bus: Bus, config: StoreConfig
) -> None:
    uploader, content = Uploader(pipeline), encoded_channels("mp3", CALL)
    upload = await uploader.uploaded(content)
    assert (await uploader.complete(upload, 1)).status_code == 200
    ready = await ready_event(bus, upload)
    assert ready.original is not None
    assert ready.channels is not None
    assert await download(config, ready.original.object_key) == content
    left, _ = sides(decoded_flac(await download(config, ready.channels.object_key)))
    assert strength(left[:SECOND]) > 0.9


async def test_a_deletion_erases_the_channels_and_its_receipt_names_them(
    recording: Recording,
) -> None:
    await recording.assembled(encoded_channels("wav", CALL))
    receipt = (await recording.pipeline.client.delete(f"/sessions/{recording.session}")).json()
    assert f"channels_{recording.session}.flac" in receipt["deleted"]
    assert receipt["verified"] is True
    assert not await recording.has_flac()


@pytest.mark.parametrize("failpoint", ["assembler.decoding", "assembler.channels", "assembler.uploaded"])
async def test_an_assembler_killed_at_any_step_leaves_the_next_one_the_same_objects(
    failpoint: str, tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore
) -> None:
    config = private_store.config("ascending")
    store_names = {name.upper(): str(value) for name, value in store_settings(config).items()}
    settings = {
        "NATS_URL": private_nats.url,
        "PORT": str(free_ports(1)[0]),
        "LOCAL_TEMP_CHUNK_PATH": str(tmp_path / "spool"),
        "REDELIVERY_SECONDS": "2",
        **store_names,
    }
    content, flacs = encoded_channels("mp3", CALL), []
    async with ingest_running(ingest_settings(tmp_path / "spool", private_nats.url, config)) as pipeline:
        for name in ("undisturbed", "killed"):
            await pipeline.send(name, content)
            if name == "killed":
                dying = ServiceProcess("assembler", tmp_path, {**settings, "FAILPOINTS": f"{failpoint}=kill"})
                await dying.start()
                response = await pipeline.client.post(f"/finalize/{name}", headers={"Prefer": "respond-async"})
                assert response.status_code == 202
                await dying.ended()
            async with ServiceProcess("assembler", tmp_path, settings):
                assert (await pipeline.finalize(name)).status_code == 200
            flacs.append((private_store.bucket_folder / f"channels_{name}.flac").read_bytes())
            flacs.append((private_store.bucket_folder / f"audio_{name}.wav").read_bytes())
        assert pipeline.leftovers() == []
    assert flacs[:2] == flacs[2:]
