"""The engines of the one-machine form, run for real."""

import os

import nats
import pytest
from nats.js.api import StreamConfig

from deploy.local.engine import EngineError
from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore, StoreKeys
from deploy.local.ports import is_free
from shared.objects import open_store
from tests.waiting import until


async def test_a_killed_bus_started_again_still_has_every_confirmed_message(private_nats: NatsServer) -> None:
    client = await nats.connect(private_nats.url)
    await client.jetstream().add_stream(StreamConfig(name="KEPT", subjects=["kept.>"]))
    await client.jetstream().publish("kept.one", b"confirmed")
    await client.close()

    await private_nats.kill()
    assert private_nats.pid is None
    await private_nats.start()

    client = await nats.connect(private_nats.url)
    message = await client.jetstream().get_last_msg("KEPT", "kept.one")
    await client.close()
    assert message.data == b"confirmed"


async def test_an_object_is_a_file_and_outlives_the_store(private_store: RcloneStore) -> None:
    async with open_store(private_store.config()) as store:
        await store.put("audio_a.wav", b"RIFF", content_type="audio/wav", metadata={})
    assert (private_store.bucket_folder / "audio_a.wav").read_bytes() == b"RIFF"

    await private_store.kill()
    await private_store.start()

    async with open_store(private_store.config()) as store:
        info = await store.head("audio_a.wav")
    assert info is not None
    assert info.size == 4


async def test_the_store_takes_no_other_keys_than_its_own(private_store: RcloneStore) -> None:
    stranger = RcloneStore(private_store.bucket_folder.parent, private_store.port, StoreKeys())
    async with open_store(stranger.config()) as store:
        assert await store.check() is not None


async def test_an_engine_on_a_taken_port_says_so_with_its_last_words(private_nats: NatsServer) -> None:
    second = NatsServer(private_nats.log.parent / "second", private_nats.port)
    with pytest.raises(EngineError, match="address already in use"):
        await second.start()
    assert second.pid is None


async def test_a_stopped_engine_leaves_its_port_and_no_process(private_nats: NatsServer) -> None:
    pid = private_nats.pid
    assert pid is not None
    await private_nats.stop()
    assert is_free(private_nats.port)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await until(lambda: private_nats.pid is None)
