"""Two ingest processes on one spool: what the session's lock file is for."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.domain.identifiers import SessionKey
from shared.storage.spool import Spool
from tests.processes import waits_for_lock
from tests.waiting import until


class Storing:
    """A running `storing_process`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def send(self, *command: str | int | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def result(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        result: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return result

    async def store(self, session: str, content: str, *, index: int | None = None, pause: str = "") -> dict[str, Any]:
        self.send("store", session, content, index, pause)
        return await self.result()

    async def go_on(self) -> dict[str, Any]:
        self.send()
        return await self.result()

    async def result_once_it_waits_for_a_lock(self) -> asyncio.Task[dict[str, Any]]:
        """Return the next result, to be awaited, as soon as the process waits for a lock, or is done without."""
        result = asyncio.create_task(self.result())
        await until(lambda: result.done() or waits_for_lock(self._process.pid))
        return result

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def storing(root: Path) -> AsyncIterator[Storing]:
    command = (sys.executable, "-m", "tests.unit.ingest.storing_process", str(root))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Storing(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture(scope="module")
async def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    return Spool(tmp_path_factory.mktemp("two-processes"))


@pytest.fixture(scope="module")
async def one(spool: Spool) -> AsyncIterator[Storing]:
    async with storing(spool.root) as process:
        yield process


@pytest.fixture(scope="module")
async def other(spool: Spool) -> AsyncIterator[Storing]:
    async with storing(spool.root) as process:
        yield process


def contents(spool: Spool, session: str) -> list[str]:
    directory = spool.session(SessionKey("default", session))
    return [chunk.read_text() for chunk in sorted(directory.path.glob("*.chunk"))]


@pytest.mark.parametrize("pause", ["before", "after"])
async def test_a_chunk_that_another_process_is_just_naming_is_waited_for_and_gets_the_index_before(
    one: Storing, other: Storing, spool: Spool, pause: str
) -> None:
    session = f"order-{pause}"
    assert await one.store(session, "first", pause=pause) == {"paused": True}
    other.send("store", session, "second", None, "")
    second = await other.result_once_it_waits_for_a_lock()
    assert await one.go_on() == {"index": 0, "total_chunks": 1}
    assert await second == {"index": 1, "total_chunks": 2}
    assert contents(spool, session) == ["first", "second"]


async def test_a_manifest_waits_for_the_chunk_that_another_process_is_just_naming_and_names_it_too(
    one: Storing, other: Storing
) -> None:
    await one.store("manifest", "first")
    assert await one.store("manifest", "second", pause="before") == {"paused": True}
    other.send("finalize", "manifest")
    finalized = await other.result_once_it_waits_for_a_lock()
    assert await one.go_on() == {"index": 1, "total_chunks": 2}
    assert await finalized == {"chunks": [0, 1]}


async def test_a_chunk_that_was_named_by_a_process_that_died_right_after_is_seen_by_the_others(
    other: Storing, spool: Spool
) -> None:
    assert await other.store("killed", "first") == {"index": 0, "total_chunks": 1}
    async with storing(spool.root) as dying:
        assert await dying.store("killed", "second", pause="after") == {"paused": True}
        await dying.kill()
    assert await other.store("killed", "third") == {"index": 2, "total_chunks": 3}
    assert contents(spool, "killed") == ["first", "second", "third"]


async def test_a_chunk_after_another_process_wrote_the_manifest_is_late(one: Storing, other: Storing) -> None:
    await one.store("late", "first")
    other.send("finalize", "late")
    assert await other.result() == {"chunks": [0]}
    assert await one.store("late", "second") == {"error": "finalized"}


async def test_who_only_repeated_a_chunk_sees_what_another_process_stored_later(one: Storing, other: Storing) -> None:
    await one.store("repeat", "first")
    assert await other.store("repeat", "first", index=0) == {"index": 0, "total_chunks": 1}
    assert await one.store("repeat", "second") == {"index": 1, "total_chunks": 2}
    assert await other.store("repeat", "third") == {"index": 2, "total_chunks": 3}
