"""Background tasks with an owner: they end with it, and their failure is never silent."""

import asyncio
import atexit
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

import structlog

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def owned_tasks(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` beside the block and cancel it at the block's end.

    Work that ends by itself or fails stops the process: a service whose queue or outbox is dead must be started anew
    rather than look healthy.
    """
    tasks = [asyncio.create_task(_watched(item), name=getattr(item, "__qualname__", "task")) for item in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watched(work: Coroutine[None, None, None]) -> None:
    try:
        await work
        log.critical("background work ended; stopping the process")
    except asyncio.CancelledError:
        raise
    except BaseException:
        log.critical("background work failed; stopping the process", exc_info=True)
    stop_process()


def stop_process() -> None:
    """Stop this process in order, as SIGTERM does, but with a status that tells its supervisor of a failure."""
    atexit.register(os._exit, 1)
    os.kill(os.getpid(), signal.SIGTERM)
