"""Background tasks with an owner: they end with it, and their failure is never silent."""

import asyncio
import atexit
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

log = structlog.stdlib.get_logger(__name__)

_END_TRIES = 30
_SMALL_BODY = 256 * 1024

ArgumentsT = ParamSpec("ArgumentsT")
ResultT = TypeVar("ResultT")


async def run_blocking(
    executor: Executor, call: Callable[ArgumentsT, ResultT], *args: ArgumentsT.args, **kwargs: ArgumentsT.kwargs
) -> ResultT:
    """Run `call`, which blocks, in a thread of `executor`; cancelled, it goes on to its end with nobody waiting."""
    return await asyncio.get_running_loop().run_in_executor(executor, partial(call, *args, **kwargs))


async def hash_off_loop(digest: Callable[[bytes], ResultT], body: bytes) -> ResultT:
    """Return what `digest` makes of a body: in a thread if it is large, since hashing takes up to 2 ms a mebibyte."""
    return digest(body) if len(body) <= _SMALL_BODY else await asyncio.to_thread(digest, body)


async def wait_uncancelled(work: "asyncio.Future[ResultT]") -> ResultT:
    """Wait for work that can't be stopped even when cancelled: what it uses is its own until it ends."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


@asynccontextmanager
async def background_tasks(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` beside the block and cancel it at the block's end.

    Work that ends by itself or fails stops the process: a service whose queue or outbox is dead must be started anew
    rather than look healthy.
    """
    tasks = [
        asyncio.create_task(_stop_process_when_done(item), name=getattr(item, "__qualname__", "task")) for item in work
    ]
    try:
        yield
    finally:
        await cancel_and_wait(tasks)


async def cancel_and_wait(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end, asking again each second: libraries swallow a cancellation now and then.

    Python 3.11's `wait_for` does when what it waits for ends at that very moment. One that does not end after
    half a minute is left behind and said so.
    """
    left = set(tasks)
    for _ in range(_END_TRIES):
        for task in left:
            task.cancel()
        if not left:
            return
        _, left = await asyncio.wait(left, timeout=1)
    log.critical("background work does not end", tasks=[task.get_name() for task in left])


async def _stop_process_when_done(work: Coroutine[None, None, None]) -> None:
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
