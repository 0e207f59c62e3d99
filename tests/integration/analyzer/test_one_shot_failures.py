"""What one-shot analysis does when a model, the decoder, the client or the process itself fails."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from tests.integration.analyzer.fake_openai import HANG, KEY, FakeOpenAI, Reply, failure, judged
from tests.integration.analyzer.one_shot_client import (
    STORE,
    analyze,
    analyzing,
    decoder_that,
    error_of,
    open_raw_upload,
    speech_as,
    wav,
)
from tests.integration.analyzer.speech import speech_sample
from tests.processes import descendants_of, is_running
from tests.service_process import ServiceProcess
from tests.waiting import until

NO_WORDS = Reply({"text": "", "segments": []})
WORDS = Reply({"text": "I hate you.", "segments": [{"start": 0.5, "end": 2, "text": " I hate you."}]})


def over_the_api(server: FakeOpenAI, **more: object) -> dict[str, object]:
    return {"openai_api_key": KEY, "openai_base_url": server.base_url, "openai_retries": 0, **more}


async def test_without_words_from_the_model_service_no_score_is_requested(
    nats_url: str, openai_server: FakeOpenAI
) -> None:
    openai_server.will_reply(NO_WORDS)
    async with analyzing(nats_url, **over_the_api(openai_server)) as client:
        body = (await analyze(client, speech_as("wav"), detail="true")).json()
    assert (body["temperature"], body["confidence"], body["reason_codes"]) == (1, 0, ["no_speech"])
    assert len(openai_server.requests) == 1


@pytest.mark.parametrize(
    "replies",
    [
        [failure(401)],
        [failure(429)],
        [failure(500)],
        [Reply("{cut JSON")],
        [WORDS, failure(401)],
    ],
)
async def test_a_failing_model_service_is_a_500_without_the_services_text(
    nats_url: str, openai_server: FakeOpenAI, replies: list[Reply], capfd: pytest.CaptureFixture[str]
) -> None:
    openai_server.will_reply(*replies)
    async with analyzing(nats_url, **over_the_api(openai_server)) as client:
        response = await analyze(client, speech_as("wav"))
    body = error_of(response, 500)
    assert body["error"] == "Analysis failed"
    for secret in (KEY, "sk-", "Incorrect", openai_server.base_url, "Traceback", "/"):
        assert secret not in body["details"]
    logged = "".join(capfd.readouterr())
    assert KEY not in logged
    assert "I hate you" not in logged


@pytest.mark.parametrize(
    "reply", [failure(503), judged("not what was asked for"), judged(None, refusal="I would rather not")]
)
async def test_without_a_judge_the_local_scorer_judges_and_says_so(
    nats_url: str, openai_server: FakeOpenAI, reply: Reply, capfd: pytest.CaptureFixture[str]
) -> None:
    openai_server.will_reply(WORDS, reply)
    async with analyzing(nats_url, **over_the_api(openai_server)) as client:
        body = (await analyze(client, speech_as("wav"), detail="true")).json()
    assert body["temperature"] > 20
    assert body["scorer"].startswith("local-")
    assert "judged_locally" in body["reason_codes"]
    assert "I hate you" not in "".join(capfd.readouterr())


async def test_an_unreachable_model_service_is_a_500(nats_url: str) -> None:
    away = {"openai_api_key": KEY, "openai_base_url": "http://127.0.0.1:9/v1", "openai_retries": 0}
    async with analyzing(nats_url, **away) as client:
        assert "127.0.0.1" not in error_of(await analyze(client, speech_as("wav")), 500)["details"]


async def test_a_model_that_hangs_is_given_up_after_the_timeout(nats_url: str, openai_server: FakeOpenAI) -> None:
    openai_server.will_reply(HANG)
    async with analyzing(nats_url, **over_the_api(openai_server, analyze_timeout_seconds=1)) as client:
        assert error_of(await analyze(client, speech_as("wav")), 500)["code"] == "analysis_timeout"


async def test_a_decoder_that_can_not_run_or_crashes_is_reported_without_a_path(nats_url: str, tmp_path: Path) -> None:
    program = decoder_that("kill -SEGV $$", tmp_path)
    async with analyzing(nats_url, ffmpeg_path=program) as client:
        crashed = error_of(await analyze(client, speech_as("wav")), 400)
        Path(program).write_text("#!/no/such/interpreter\n")
        missing = error_of(await analyze(client, speech_as("wav")), 500)
    assert str(tmp_path) not in str(crashed) + str(missing)


async def test_a_client_that_disconnects_ends_its_decoder(nats_url: str, tmp_path: Path) -> None:
    before = descendants_of(os.getpid())
    async with analyzing(nats_url, ffmpeg_path=decoder_that("exec sleep 60", tmp_path)) as client:
        async with open_raw_upload(client) as upload:
            await upload.send_form(speech_as("wav"))
            decoders = await until(lambda: _named("sleep", descendants_of(os.getpid()) - before))
        await until(lambda: not any(is_running(pid) for pid in decoders), what="the decoder to be gone")


async def test_a_client_that_disconnects_ends_its_model_call_and_frees_its_slot(
    nats_url: str, openai_server: FakeOpenAI
) -> None:
    openai_server.will_reply(HANG, NO_WORDS)
    limits = {"analyze_concurrency": 1, "analyze_wait_seconds": 5}
    async with analyzing(nats_url, **over_the_api(openai_server, **limits)) as client:
        async with open_raw_upload(client) as upload:
            await upload.send_form(speech_as("wav"))
            await until(lambda: openai_server.requests)
        assert (await analyze(client, speech_as("wav"))).status_code == 200


async def test_the_local_model_goes_on_for_others_after_a_client_disconnects(nats_url: str) -> None:
    minutes = wav(speech_sample() * 20)
    before = descendants_of(os.getpid())
    async with analyzing(nats_url) as client:
        async with open_raw_upload(client) as upload:
            await upload.send_form(minutes)
            await until(lambda: _named("python", descendants_of(os.getpid()) - before))
            other = asyncio.create_task(analyze(client, speech_as("wav")))
        assert (await other).status_code == 200


async def test_a_killed_process_leaves_neither_file_nor_child(
    nats_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    programs, temporaries = tmp_path_factory.mktemp("programs"), tmp_path_factory.mktemp("temporaries")
    settings = {
        **{name.upper(): value for name, value in STORE.items()},
        "NATS_URL": nats_url,
        "PORT": str(free_ports(1)[0]),
        "TMPDIR": str(temporaries),
        "FFMPEG_PATH": decoder_that("exec sleep 60", programs),
    }
    working_folder = set(Path.cwd().rglob("*"))
    process = ServiceProcess("analyzer", programs, settings)
    await process.start()
    try:
        async with httpx.AsyncClient(base_url=process.base_url) as client, open_raw_upload(client) as upload:
            await upload.send_form(speech_as("flac"))
            (decoder,) = await until(lambda: _named("sleep", descendants_of(process.pid)))
            assert str(Path(f"/proc/{decoder}/fd/0").readlink()).startswith("/memfd:")
    finally:
        await process.kill()
    await until(lambda: not is_running(decoder), what="the decoder to be gone")
    assert list(temporaries.iterdir()) == []
    assert set(Path.cwd().rglob("*")) == working_folder


def _named(name: str, pids: set[int]) -> set[int]:
    """Return the processes that run a program whose name starts with `name`."""
    return {pid for pid in pids if _program(pid).startswith(name)}


def _program(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "comm").read_text()
    except OSError:
        return ""
