"""A recording whose `audio.ready` is published, but can't be archived in the bucket."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.domain.events import AudioFailed
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, last_event, open_bus
from shared.messaging.dead_letters import DeadLetter, DeadLetters
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from tests.integration.audio_files import samples_of, tone
from tests.integration.pipeline import assembler_running, assembler_settings, download, ingest_running, ingest_settings
from tests.waiting import until


@pytest.fixture
async def bus(private_nats: NatsServer) -> AsyncIterator[Bus]:
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        yield bus


async def given_up(bus: Bus) -> list[DeadLetter]:
    return [letter async for letter in DeadLetters(bus).list_queue("assembler")]


async def test_a_recording_that_was_published_as_ready_stays_so_though_its_event_can_not_be_archived(
    tmp_path: Path, private_nats: NatsServer, object_store: RcloneStore, bus: Bus
) -> None:
    store, session = object_store.config("ascending"), SessionKey("default", "unkept")
    spool, folder = (
        tmp_path / "spool",
        tmp_path / "folder",
    )  # the recording can be synced there, and its archived event can't
    folder.mkdir()
    (folder / "audio_unkept.wav").touch()
    settings = assembler_settings(spool, private_nats.url, store, store_folder=folder, assembler_tries=1)
    async with ingest_running(ingest_settings(spool, private_nats.url, store)) as pipeline, assembler_running(settings):
        await pipeline.send("unkept", tone(1))
        assert (await pipeline.finalize("unkept")).status_code == 200
        (letter,) = await until(partial(given_up, bus), what="the job to be given up")
        assert samples_of(await download(store, "audio_unkept.wav")) == tone(1)
        assert await last_event(bus, session, AudioFailed) is None
        assert (await pipeline.client.get("/sessions/unkept")).json()["state"] == "ready"
        assert len(pipeline.directory("unkept").chunk_sizes()) == 1

        kept = folder / ".roomtone/default/unkept/audio.ready.json"
        kept.parent.mkdir(parents=True)
        kept.touch()
        await DeadLetters(bus).retry(letter)
        await until(lambda: not pipeline.directory("unkept").chunk_sizes(), what="a further try to end it")
    assert await last_event(bus, session, AudioFailed) is None
