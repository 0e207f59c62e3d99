"""Dead-lettered recordings are listed and retried with the operator's commands."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.domain.envelope import make_envelope
from shared.domain.events import AudioReady
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus, open_bus
from shared.messaging.dead_letters import DeadLetters
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from shared.storage.settings import StoreConfig
from tests.environment import clean_environment
from tests.integration.audio_files import encoded, samples_of, tone
from tests.integration.pipeline import (
    Pipeline,
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
    store_settings,
)
from tests.integration.shared.recording_worker import RecordingWorker, working
from tests.program import start_program
from tests.waiting import until

Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore) -> Command:
    """Run `python -m services.<name> dead-letters …`; returns its exit status and output."""
    settings = store_settings(private_store.config("ascending"))
    environment = {
        **clean_environment(os.environ),
        **{name.upper(): str(value) for name, value in settings.items()},
        "NATS_URL": private_nats.url,
        "LOCAL_TEMP_CHUNK_PATH": str(tmp_path),
    }

    async def run(service: str, *arguments: str) -> tuple[int, str]:
        process = await start_program(
            f"services.{service}", "dead-letters", *arguments, environment=environment, piped=True
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    return run


async def ended_well(pipeline: Pipeline, session: str) -> dict[str, object]:
    async def ready() -> dict[str, object] | None:
        document: dict[str, object] = (await pipeline.client.get(f"/sessions/{session}")).json()
        return document if document["state"] == "ready" else None

    found = await until(ready, within=30)
    assert found is not None
    return found


async def audio_of(store: StoreConfig, session: str) -> bytes:
    return samples_of(await download(store, f"audio_{session}.wav"))


async def test_a_session_whose_store_was_away_is_listed_and_retried_by_the_command(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, command: Command
) -> None:
    store = private_store.config("ascending")
    settings = assembler_settings(tmp_path, private_nats.url, store, assembler_tries=2, assembler_retry_seconds=0.1)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        assert await command("assembler", "list") == (0, "dead-letters: 0 found\n")
        await private_store.kill()
        await pipeline.send("homeless", tone(1))
        assert (await pipeline.finalize("homeless")).status_code == 500
        status, said = await command("assembler", "list")
        assert status == 0
        assert "assembler  default/homeless  store_unreachable after 2 tries: The store is not reachable." in said
        await private_store.start()
        assert await command("assembler", "retry", "homeless") == (0, "dead-letters: 1 given to their queue again\n")
        await ended_well(pipeline, "homeless")
        assert await audio_of(store, "homeless") == tone(1)
        assert pipeline.directory("homeless").chunk_sizes() == {}
        assert await command("assembler", "list") == (0, "dead-letters: 0 found\n")


async def test_a_session_that_broke_the_decoder_is_retried_with_another_decoder(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, command: Command
) -> None:
    store = private_store.config("ascending")
    program = tmp_path / "decoder"
    program.write_text("#!/bin/sh\nkill -SEGV $$\n")
    program.chmod(0o700)
    settings = assembler_settings(tmp_path, private_nats.url, store, ffmpeg_path=str(program))
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        await pipeline.send("broken", encoded("wav"))
        assert (await pipeline.finalize("broken")).json()["code"] == "bad_media"
        assert (await pipeline.finalize("broken")).json()[
            "code"
        ] == "bad_media"  # a setting of the operator, not of clients
        program.write_text(f'#!/bin/sh\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n')
        assert (await command("assembler", "retry", "--all"))[0] == 0
        await ended_well(pipeline, "broken")
        assert await audio_of(store, "broken") == tone(2)


async def test_retrying_the_dead_letter_of_a_session_that_has_succeeded_meanwhile_changes_nothing(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, command: Command
) -> None:
    store = private_store.config("ascending")
    settings = assembler_settings(tmp_path, private_nats.url, store, assembler_tries=1, assembler_retry_seconds=0.1)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        await private_store.kill()
        await pipeline.send("meanwhile", tone(1))
        assert (await pipeline.finalize("meanwhile")).status_code == 500
        await private_store.start()
        assert (await pipeline.finalize("meanwhile")).status_code == 200
        before = await until(pipeline.directory("meanwhile").read_result)
        assert (await command("assembler", "retry", "meanwhile"))[0] == 0

        async def idle() -> bool:
            async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
                await bus.wait_ready()
                info = await bus.jetstream.consumer_info("ROOMTONE", "assembler")
                return not info.num_ack_pending and not info.num_pending

        await until(idle, within=30)
        assert pipeline.directory("meanwhile").read_result() == before


async def test_a_deleted_session_leaves_no_dead_letter(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, command: Command
) -> None:
    store = private_store.config("ascending")
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(assembler_settings(tmp_path, private_nats.url, store)),
    ):
        for session in ("erased", "kept"):
            await pipeline.send(session, b"\x1a\x45\xdf\xa3" + bytes(200))
            assert (await pipeline.finalize(session)).json()["code"] == "bad_media"
        assert (await pipeline.client.delete("/sessions/erased")).status_code == 200
        _, said = await command("assembler", "list")
        assert "default/kept" in said
        assert "default/erased" not in said
        assert (await command("assembler", "retry", "erased"))[0] == 1


async def test_the_analyzers_command_lists_its_own_dead_letters_only(
    private_nats: NatsServer, command: Command
) -> None:
    ready = AudioReady(
        url="", filename="", object_key="x", size_bytes=1, sha256="", duration_seconds=1.0, manifest_sha256=""
    )
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        worker = RecordingWorker({"unheard": [RuntimeError("a bug")] * 3})
        async with working(bus, worker, kind=AudioReady, queue="analyzer"):
            await bus.publish(make_envelope("test", SessionKey("t", "unheard"), ready, cause="x", trace=new_trace()))
            await until(lambda: worker.given_up, within=30)
        assert await command("assembler", "list") == (0, "dead-letters: 0 found\n")
        _, said = await command("analyzer", "list")
        assert "analyzer  t/unheard  internal after 3 tries: Unexpected failure." in said
        letter = said.split()[0]
        assert (await command("analyzer", "retry", letter, "no-such"))[1] == (
            "dead-letters: there is none of no-such\ndead-letters: 1 given to their queue again\n"
        )
        assert await letters_left(bus) == 0


async def letters_left(bus: Bus) -> int:
    return len([letter async for letter in DeadLetters(bus).list_queue("analyzer")])


async def test_the_command_fails_clearly_without_anything_to_retry_and_without_a_bus(
    private_nats: NatsServer, command: Command
) -> None:
    status, said = await command("assembler", "retry")
    assert status == 2
    assert "usage:" in said
    await private_nats.kill()
    status, said = await command("assembler", "list")
    assert status == 1
    assert said.endswith("dead-letters: the bus can't be reached: check NATS_URL\n")
