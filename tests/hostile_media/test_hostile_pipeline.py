"""Hostile files through the whole pipeline: their sessions fail with a reason, and the next one is assembled."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from shared.domain.envelope import Envelope
from shared.domain.events import AudioFailed
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, last_event, open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.storage.object_store import open_store
from shared.storage.settings import StoreConfig
from tests.hostile_media.bombs import BOMBS, silence, wav
from tests.hostile_media.fake_ffmpeg import fake_ffmpeg, misbehaving_file
from tests.hostile_media.listener import Listener, listening
from tests.hostile_media.playlists import playlists
from tests.integration.audio_files import encoded, samples_of, tone
from tests.integration.pipeline import (
    Pipeline,
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)
from tests.waiting import until

UNHARMED = {"mp3 with a linked picture", "m4a whose samples lie elsewhere", "wav with hls as its samples", "concat"}
LIMITS = {"max_audio_seconds": 120, "decode_cpu_seconds": 5, "decode_idle_seconds": 5.0}


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    program = fake_ffmpeg(tmp_path_factory.mktemp("programs"))
    settings = assembler_settings(spool, nats_url, store_config, ffmpeg_path=program, **LIMITS)
    async with ingest_running(ingest_settings(spool, nats_url, store_config)) as pipeline, assembler_running(settings):
        yield pipeline


@pytest.fixture(scope="module")
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as opened:
        await opened.wait_ready()
        yield opened


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


async def failure_of(pipeline: Pipeline, bus: Bus, session: str, content: bytes) -> tuple[str, str]:
    """Send a file as a session, and return code and reason of its `audio.failed`."""
    for start in range(0, len(content), 4_000_000):
        await pipeline.send(session, content[start : start + 4_000_000])
    response = await pipeline.finalize(session)
    published = await until(partial(last_event, bus, SessionKey("default", session), AudioFailed), what=response.text)
    assert isinstance(published, Envelope)
    assert isinstance(published.event, AudioFailed)
    assert not published.event.retryable
    assert response.json()["code"] == published.event.code
    return published.event.code, published.event.reason


async def test_a_session_that_is_a_playlist_fails_and_no_address_is_opened(
    pipeline: Pipeline, bus: Bus, listener: Listener
) -> None:
    for number, (name, content) in enumerate(playlists(listener.address).items()):
        if name not in UNHARMED:
            code, reason = await failure_of(pipeline, bus, f"hostile-list-{number}", content)
            assert code in {"not_audio", "bad_media"}, name
            assert listener.address not in reason
    assert listener.requests == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("crash", ("bad_media", "The audio broke the decoder.")),
        ("eat", ("bad_media", "The bytes could not be decoded as audio.")),
        ("spin", ("decode_timeout", "The audio could not be decoded in time.")),
        ("ignore signals", ("decode_timeout", "The audio could not be decoded in time.")),
        ("write endlessly", ("too_long", "The audio is longer than 120 seconds.")),
    ],
)
async def test_a_session_that_crashes_the_decoder_fails_with_a_reason_and_the_next_one_is_assembled(
    word: str, expected: tuple[str, str], pipeline: Pipeline, bus: Bus, store_config: StoreConfig
) -> None:
    name = word.replace(" ", "-")
    assert await failure_of(pipeline, bus, f"hostile-{name}", misbehaving_file(word)) == expected
    await pipeline.send(f"after-{name}", encoded("wav"))
    assert (await pipeline.finalize(f"after-{name}")).status_code == 200
    assert samples_of(await download(store_config, f"audio_after-{name}.wav")) == tone(2)
    assert pipeline.leftovers() == []


async def test_a_session_that_decodes_to_hours_is_too_long_and_its_upload_is_aborted(
    pipeline: Pipeline, bus: Bus, store_config: StoreConfig
) -> None:
    codec, form, more = BOMBS["flac"]
    code, _ = await failure_of(pipeline, bus, "hostile-bomb", silence(codec, form, *more))
    assert code == "too_long"
    assert pipeline.leftovers() == []
    async with open_store(store_config) as objects:
        assert await objects.head("audio_hostile-bomb.wav") is None


async def test_a_session_of_384_channels_fails_with_a_reason(pipeline: Pipeline, bus: Bus) -> None:
    code, reason = await failure_of(pipeline, bus, "hostile-channels", wav(bytes(384 * 2 * 1000), channels=384))
    assert (code, reason) == ("bad_media", "The bytes could not be decoded as audio.")
