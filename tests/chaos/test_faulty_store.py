"""The faulty way to the store: calm it is the store, and otherwise every kind of fault happens and is counted."""

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
async def tally() -> RunResult:
    return RunResult()


@pytest.fixture
async def way(object_store: RcloneStore, tally: RunResult) -> AsyncIterator[FaultyStore]:
    async with FaultyStore(object_store.port, random.Random(1), tally) as way:  # noqa: S311  # the same each time
        yield way


@pytest.fixture
async def store(object_store: RcloneStore, way: FaultyStore) -> AsyncIterator[ObjectStore]:
    async with open_store(replace(object_store.config(), endpoint=way.endpoint)) as store:
        yield store


async def put(store: ObjectStore) -> None:
    await store.put("through-the-way.wav", BODY, content_type="audio/wav", metadata={})


async def test_calm_it_passes_everything_on(store: ObjectStore, tally: RunResult) -> None:
    await put(store)
    assert b"".join([piece async for piece in store.read("through-the-way.wav")]) == BODY
    assert not tally.faults


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"slow", "stall"}))
async def test_a_request_that_goes_wrong_fails_for_its_client(
    store: ObjectStore, way: FaultyStore, tally: RunResult, fault: str
) -> None:
    way.rate, way.kinds = 1.0, (fault,)
    with pytest.raises(RoomtoneError):
        await put(store)
    assert tally.faults[f"store {fault}"] > 1
    way.calm()
    await put(store)


async def test_what_is_stalled_ends_when_it_calms_down(store: ObjectStore, way: FaultyStore, tally: RunResult) -> None:
    way.rate, way.kinds = 1.0, ("stall",)

    async def calm_once_stalled() -> bool:
        if tally.faults["store stall"]:
            way.calm()
        return way.rate == 0

    calmed = until(calm_once_stalled)
    await asyncio.gather(put(store), calmed)
