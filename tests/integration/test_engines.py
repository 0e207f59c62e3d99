"""The real engines of the one-machine form."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import nats
import pytest
from botocore.exceptions import ClientError
from nats.js.api import StreamConfig

from deploy.local.data_folder import DataFolderError, claim
from deploy.local.engine import EngineError
from deploy.local.engine_config import load_or_choose_addresses
from deploy.local.engines import choose_engines, started
from deploy.local.nats_server import NatsServer
from deploy.local.object_store import BUCKET, RcloneStore, StoreKeys
from deploy.local.ports import is_free
from deploy.local.supervisor import supervise
from shared.storage.object_store import open_store
from shared.storage.s3_client import open_s3_client
from tests.processes import is_running
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


async def test_the_store_rejects_a_body_that_does_not_match_its_checksum(private_store: RcloneStore) -> None:
    async with open_s3_client(private_store.config()) as client:
        with pytest.raises(ClientError, match="BadDigest"):
            await client.put_object(Bucket=BUCKET, Key="k", Body=b"sent", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
        upload = (await client.create_multipart_upload(Bucket=BUCKET, Key="k"))["UploadId"]
        with pytest.raises(ClientError, match="BadDigest"):
            await client.upload_part(
                Bucket=BUCKET,
                Key="k",
                UploadId=upload,
                PartNumber=1,
                Body=b"sent",
                ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==",
            )


async def test_the_store_accepts_no_other_access_keys_than_its_own(private_store: RcloneStore) -> None:
    stranger = RcloneStore(private_store.bucket_folder.parent, private_store.port, StoreKeys())
    async with open_store(stranger.config()) as store:
        assert await store.check() is not None


async def test_an_engine_on_a_taken_port_fails_with_its_last_log_lines(private_nats: NatsServer) -> None:
    second = NatsServer(private_nats.log.parent / "second", private_nats.port)
    with pytest.raises(EngineError, match="address already in use"):
        await second.start()
    assert second.pid is None


async def test_a_stopped_engine_frees_its_port_and_leaves_no_process(private_nats: NatsServer) -> None:
    pid = private_nats.pid
    assert pid is not None
    await private_nats.stop()
    assert is_free(private_nats.port)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await until(lambda: private_nats.pid is None)


async def test_an_engine_on_a_taken_saved_port_fails_and_names_the_file_to_change(tmp_path: Path) -> None:
    with claim(tmp_path / "data") as folder:
        engines = choose_engines(folder, nats=True, store=False)
        assert engines.nats is not None
        with socket.create_server(("127.0.0.1", engines.nats.port)), pytest.raises(EngineError) as error:
            async with started(engines, folder, port_timeout=0.2):
                pass
    assert f"Port {engines.nats.port}" in str(error.value)
    assert str(folder.addresses) in str(error.value)


async def test_ports_and_keys_are_chosen_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    with claim(tmp_path / "data") as folder:
        first = load_or_choose_addresses(folder)
        assert load_or_choose_addresses(folder) == first
        assert folder.addresses.stat().st_mode & 0o777 == 0o600
        folder.addresses.write_text('{"nats_port": 1}')
        with pytest.raises(DataFolderError, match="repair it, or remove it"):
            load_or_choose_addresses(folder)


async def test_an_engine_that_dies_is_restarted_on_its_port(private_nats: NatsServer) -> None:
    keeping = asyncio.create_task(supervise(private_nats, first_delay=0.01))
    first = private_nats.pid
    await private_nats.kill()
    await until(lambda: private_nats.pid not in {None, first})
    client = await nats.connect(private_nats.url)
    await client.close()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_an_engine_that_does_not_stay_up_is_given_up_with_its_last_log_lines(private_nats: NatsServer) -> None:
    await private_nats.stop()
    with socket.create_server(("127.0.0.1", private_nats.port)), pytest.raises(EngineError, match="in use"):
        await supervise(private_nats, tries=2, first_delay=0.01)


async def test_engines_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib\n"
        "from deploy.local.nats_server import NatsServer\n"
        "from deploy.local.ports import free_ports\n"
        "async def main():\n"
        f"    async with NatsServer(pathlib.Path({str(tmp_path)!r}), free_ports(1)[0]) as server:\n"
        "        print(server.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    engine = int(await asyncio.wait_for(owner.stdout.readline(), 30))
    owner.kill()
    await owner.wait()
    await until(lambda: not is_running(engine))


async def test_unfinished_uploads_of_a_killed_store_are_removed(private_store: RcloneStore) -> None:
    await private_store.stop()
    leftover = private_store.bucket_folder / "tenant" / ".rclone_temp_put_x"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half")
    await private_store.start()
    assert not leftover.exists()
