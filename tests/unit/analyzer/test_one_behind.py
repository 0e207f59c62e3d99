import asyncio

import pytest

from services.analyzer.one_behind import OneBehind


async def test_the_next_is_prepared_while_the_last_runs_and_none_overtakes() -> None:
    said: list[str] = []
    go_on = asyncio.Event()

    async def slow() -> None:
        await go_on.wait()
        said.append("first")

    async def fast() -> None:
        said.append("second")

    async with OneBehind() as behind:
        await behind.start(slow())
        assert said == []  # the caller goes on
        asyncio.get_running_loop().call_soon(go_on.set)
        await behind.start(fast())
        assert said == ["first"]  # at most one runs
        await behind.finish()
    assert said == ["first", "second"]


async def test_an_error_is_raised_at_the_next_start_which_then_starts_nothing() -> None:
    started: list[str] = []

    async def failing() -> None:
        raise LookupError("of the first")

    async def never() -> None:
        started.append("never")

    async with OneBehind() as behind:
        await behind.start(failing())
        with pytest.raises(LookupError, match="of the first"):
            await behind.start(never())
        await behind.finish()
    assert started == []


async def test_an_error_of_who_prepares_the_next_does_not_stop_what_runs() -> None:
    ended = asyncio.Event()
    go_on = asyncio.Event()

    async def last() -> None:
        await go_on.wait()
        ended.set()

    async def preparing() -> None:
        async with OneBehind() as behind:
            await behind.start(last())
            asyncio.get_running_loop().call_soon(go_on.set)
            raise KeyError

    with pytest.raises(KeyError):
        await preparing()
    assert ended.is_set()


async def test_an_error_of_what_runs_comes_before_that_of_who_prepares_the_next() -> None:
    async def failing() -> None:
        raise LookupError("of the last")

    async def preparing() -> None:
        async with OneBehind() as behind:
            await behind.start(failing())
            raise ValueError("of the next")

    with pytest.raises(LookupError, match="of the last"):
        await preparing()


@pytest.mark.parametrize("waits", [True, False])
async def test_cancelling_who_waits_or_prepares_the_next_cancels_what_runs(*, waits: bool) -> None:
    ended, started = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def caller() -> None:
        async with OneBehind() as behind:
            await behind.start(endless())
            await (behind.finish() if waits else asyncio.Event().wait())

    task = asyncio.create_task(caller())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
