"""Background tasks that end with the block that owns them and never fail silently, and calls that run in threads."""

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

_CANCEL_TRIES = 30
_HASHED_INLINE = 256 * 1024  # bytes

ArgumentsT = ParamSpec("ArgumentsT")
ResultT = TypeVar("ResultT")


async def run_blocking(
    executor: Executor, call: Callable[ArgumentsT, ResultT], *args: ArgumentsT.args, **kwargs: ArgumentsT.kwargs
) -> ResultT:
    """Run `call`, which blocks, in a thread of `executor`; after a cancellation the thread still runs to its end."""
    return await asyncio.get_running_loop().run_in_executor(executor, partial(call, *args, **kwargs))


async def hash_off_loop(digest: Callable[[bytes], ResultT], body: bytes) -> ResultT:
    """Return the digest of a body; over 256 KiB in a thread, since hashing takes up to 2 ms a mebibyte."""
    return digest(body) if len(body) <= _HASHED_INLINE else await asyncio.to_thread(digest, body)


async def wait_uncancelled(work: "asyncio.Future[ResultT]") -> ResultT:
    """Wait for a future even when cancelled, then re-raise the cancellation (a running thread cannot be stopped)."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])  # what the thread uses must not be closed or removed before it ends
        raise


@asynccontextmanager
async def background_tasks(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` concurrently with the block and cancel it at the block's end.

    Work that ends by itself or fails stops the process: a service whose queue or outbox is dead must be restarted
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
    """Cancel tasks and wait for their end, cancelling again each second; after 30 s the rest is logged and left.

    Libraries swallow a cancellation now and then: Python 3.11's `wait_for` does if its awaitable ends at that moment.
    """
    running = set(tasks)
    for _ in range(_CANCEL_TRIES):
        for task in running:
            task.cancel()
        if not running:
            return
        _, running = await asyncio.wait(running, timeout=1)
    log.critical("background work does not end", tasks=[task.get_name() for task in running])


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
    """Stop this process gracefully, as SIGTERM does, but with exit status 1, so that its supervisor sees a failure."""
    atexit.register(os._exit, 1)
    os.kill(os.getpid(), signal.SIGTERM)
