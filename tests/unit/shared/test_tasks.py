import asyncio

from shared.process.tasks import background_tasks


async def test_work_ends_with_its_owner_even_if_a_cancellation_is_swallowed() -> None:
    asked = 0
    started = asyncio.Event()

    async def stubborn() -> None:
        nonlocal asked
        while True:
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked += 1
                if asked > 1:
                    raise

    async with asyncio.timeout(10):
        async with background_tasks(stubborn()):
            await started.wait()
    assert asked == 2
