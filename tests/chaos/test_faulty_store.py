"""The faulty relay to the store: without faults it passes everything on, and it injects and counts each fault."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from deploy.local.object_store import RcloneStore
from shared.domain.errors import RoomtoneError
from shared.storage.object_store import ObjectStore, open_store
from tests.chaos.faulty_store import FAULTS, FaultyStore
from tests.chaos.result import RunResult
from tests.waiting import until

BODY = b"audio" * 100_000


@pytest.fixture
async def result() -> RunResult:
    return RunResult()


@pytest.fixture
async def faulty_store(object_store: RcloneStore, result: RunResult) -> AsyncIterator[FaultyStore]:
    async with FaultyStore(object_store.port, random.Random(1), result) as faulty_store:  # noqa: S311  # the same each time
        yield faulty_store


@pytest.fixture
async def store(object_store: RcloneStore, faulty_store: FaultyStore) -> AsyncIterator[ObjectStore]:
    async with open_store(replace(object_store.config(), endpoint=faulty_store.endpoint)) as store:
        yield store


async def put(store: ObjectStore) -> None:
    await store.put("through-the-relay.wav", BODY, content_type="audio/wav", metadata={})


async def test_without_faults_the_relay_passes_everything_on(store: ObjectStore, result: RunResult) -> None:
    await put(store)
    assert b"".join([piece async for piece in store.read("through-the-relay.wav")]) == BODY
    assert not result.faults


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"slow", "stall"}))
async def test_a_request_with_a_fault_fails_for_its_client(
    store: ObjectStore, faulty_store: FaultyStore, result: RunResult, fault: str
) -> None:
    faulty_store.rate, faulty_store.kinds = 1.0, (fault,)
    with pytest.raises(RoomtoneError):
        await put(store)
    assert result.faults[f"store {fault}"] > 1
    faulty_store.calm()
    await put(store)


async def test_a_stalled_request_ends_when_the_faults_end(
    store: ObjectStore, faulty_store: FaultyStore, result: RunResult
) -> None:
    faulty_store.rate, faulty_store.kinds = 1.0, ("stall",)

    async def calm_once_stalled() -> bool:
        if result.faults["store stall"]:
            faulty_store.calm()
        return faulty_store.rate == 0

    calmed = until(calm_once_stalled)
    await asyncio.gather(put(store), calmed)
