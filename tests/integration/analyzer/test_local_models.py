import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.analyzer.model_process.models import LocalModels, open_local_models
from shared.domain.errors import Permanent, Unavailable
from tests.integration.analyzer.speech import speech_sample
from tests.processes import children_of, is_running
from tests.waiting import until

SECOND = 32_000
SHORT = speech_sample()[: 3 * SECOND]


@pytest.fixture
async def models() -> AsyncIterator[LocalModels]:
    async with open_local_models(deadline=30) as opened:
        yield opened


async def heard(models: LocalModels, pcm: bytes = SHORT) -> str:
    """Return the words of `pcm`, in lower case."""
    answer = json.loads(await models.run("transcribe", pcm, seconds=len(pcm) / SECOND))
    return " ".join(word["text"] for word in answer["words"]).lower()


def model_processes() -> set[int]:
    """Return the ids of the models' processes among this process's children."""
    commands = {pid: (Path("/proc") / str(pid) / "cmdline").read_bytes() for pid in children_of(os.getpid())}
    return {pid for pid, command in commands.items() if b"model_worker" in command}


def model_process() -> int:
    (pid,) = model_processes()
    return pid


def processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


async def kill_at_work() -> None:
    """Kill the model once it has started to compute."""
    pid = model_process()
    idle = processor_ticks(pid)
    await until(lambda: processor_ticks(pid) > idle + 2, what="the model at work")
    os.kill(pid, signal.SIGKILL)


async def test_tasks_at_once_each_get_their_own_result(models: LocalModels) -> None:
    first, second = await asyncio.gather(heard(models), heard(models, speech_sample()[3 * SECOND : 6 * SECOND]))
    assert "ever tried" in first
    assert "try again" in second


async def test_nothing_runs_before_the_first_task_nor_after_the_end() -> None:
    async with open_local_models(deadline=30) as models:
        assert model_processes() == set()
        await heard(models)
        pid = model_process()
        assert is_running(pid)
    assert not is_running(pid)


async def test_a_model_killed_in_the_middle_of_a_piece_costs_nothing(models: LocalModels) -> None:
    expected = await heard(models)
    pid = model_process()
    response, _ = await asyncio.gather(heard(models), kill_at_work())
    assert response == expected
    assert model_process() != pid


async def test_a_model_killed_twice_fails_its_piece_and_not_the_next_one(models: LocalModels) -> None:
    expected = await heard(models)
    first = model_process()
    failing = asyncio.create_task(heard(models))
    await kill_at_work()
    second = await until(lambda: next(iter(model_processes() - {first}), 0), what="another")
    os.kill(second, signal.SIGKILL)
    with pytest.raises(Unavailable) as failed:
        await failing
    assert failed.value.code == "model_stopped"
    assert await heard(models) == expected


async def test_a_model_that_hangs_is_replaced_after_its_deadline() -> None:
    async with open_local_models(deadline=2) as models:
        expected = await heard(models)
        pid = model_process()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable) as failed:
            await heard(models)
        assert failed.value.code == "model_timeout"
        assert not is_running(pid)
        assert await heard(models) == expected


async def test_a_cancelled_task_leaves_no_response_for_the_next_one(models: LocalModels) -> None:
    expected = await heard(models)
    pid = model_process()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await heard(models, speech_sample())
    assert not is_running(pid)
    assert await heard(models) == expected


async def test_a_task_whose_model_cannot_be_loaded_says_so_and_harms_no_other(models: LocalModels) -> None:
    with pytest.raises(Permanent) as failed:
        await models.run("no such task", b"")
    assert failed.value.code == "model_missing"
    asked = model_process()
    assert json.loads(await models.run("words", b"[]"))["ratings"] == []
    assert model_process() == asked


async def test_an_input_that_makes_a_task_fail_leaves_the_model_at_work(models: LocalModels) -> None:
    with pytest.raises(Unavailable) as failed:
        await heard(models, b"\0\0\0")  # half a sample
    assert failed.value.code == "model_failed"
    pid = model_process()
    assert await heard(models)
    assert model_process() == pid


async def test_words_and_voices_do_not_wait_for_speech(models: LocalModels) -> None:
    await heard(models)
    speech = model_process()
    os.kill(speech, signal.SIGSTOP)
    waiting = asyncio.create_task(heard(models))
    rated = json.loads(await models.run("words", json.dumps(["Good morning."]).encode()))
    assert len(rated["ratings"]) == 1
    assert not waiting.done()
    os.kill(speech, signal.SIGCONT)
    assert "ever tried" in await waiting


async def test_a_process_that_is_killed_leaves_the_other_one(models: LocalModels) -> None:
    await models.run("words", b"[]")
    words = model_process()
    await heard(models)
    (speech,) = model_processes() - {words}
    os.kill(words, signal.SIGKILL)
    assert json.loads(await models.run("words", b"[]"))["ratings"] == []
    assert speech in model_processes()
    assert words not in model_processes()
