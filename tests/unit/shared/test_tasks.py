import asyncio

from shared.process.tasks import background_tasks


async def test_background_work_ends_with_its_block_even_if_it_swallows_a_cancellation() -> None:
    cancellations = 0
    started = asyncio.Event()

    async def swallow_one_cancellation() -> None:
        nonlocal cancellations
        while True:
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1
                if cancellations > 1:
                    raise

    async with asyncio.timeout(10):
        async with background_tasks(swallow_one_cancellation()):
            await started.wait()
    assert cancellations == 2
