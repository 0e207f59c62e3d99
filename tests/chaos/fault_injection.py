"""Kills processes and injects faults: one task for each process, with its own random numbers, all at once."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from deploy.local.engine import Engine
from tests.chaos.failpoint_draw import draw_failpoints
from tests.chaos.plan import Plan
from tests.chaos.process import ChaosProcess
from tests.chaos.result import RunResult

_LIFE = (0.0, 2.0)  # seconds from a process's first response to its kill
_ARMED_LIFE = (1.5, 4.0)  # the same with a failpoint that kills, which may not be reached
_WORK = 4.0  # seconds to wait for a first piece of work; there may be nothing to do
_START_FAILED = 3  # uvicorn's exit status for a lifespan that did not start
_FULL_DISK = 100  # bytes that a file may have: locks fit, chunks do not
_FULL_SECONDS = (0.1, 0.8)
_BUS_REST = (3.0, 15.0)
_STORE_REST = (5.0, 20.0)
_GONE = (0.0, 2.0)


async def inject_service_faults(process: ChaosProcess, plan: Plan, result: RunResult) -> None:
    """Kill a service `plan.kills` times, from outside or at a failpoint; afterwards it runs without faults."""
    rng = plan.rng(process.name)
    while result.kills[process.name] < plan.kills:
        failpoints = draw_failpoints(process.name, rng)
        full_disk = process.name in {"ingest", "assembler"} and rng.random() < 0.25
        life = rng.uniform(*(_ARMED_LIFE if "=kill" in failpoints else _LIFE))
        full = rng.uniform(*_FULL_SECONDS)
        works_first = rng.random() < 0.5  # so that work goes on even on a slow machine
        lived = await process.start(failpoints)
        if lived:
            if full_disk:
                await _fill_disk(process, full, result)
            if works_first:
                await process.works_within(_WORK)
            await process.ends_within(life)
        status = await process.end(signal.SIGKILL)
        if status == -signal.SIGKILL:
            result.kills[process.name] += 1
        elif status == _START_FAILED and not lived and "=e" in failpoints:
            result.faults["start refused by the disk"] += 1
        else:
            result.violated(f"{process.name} ended by itself with {status}: see {process.log}")
    await process.start()


async def _fill_disk(process: ChaosProcess, seconds: float, result: RunResult) -> None:
    """Limit the size of the process's files for a while (prlimit(2)): writes fail with EFBIG. Needs no privilege."""
    result.faults["full disk"] += 1
    _limit_files(process.pid, _FULL_DISK)
    await process.ends_within(seconds)
    _limit_files(process.pid, resource.RLIM_INFINITY)


def _limit_files(pid: int | None, size: int) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def inject_bus_faults(bus: Engine, plan: Plan, result: RunResult, finished: asyncio.Event) -> None:
    """Kill or suspend the bus now and then until `finished` is set; it runs afterwards."""
    rng = plan.rng("bus")
    while not await _is_set_within(finished, rng.uniform(*_BUS_REST)):
        if rng.random() < 0.6:
            await _kill(bus, rng.uniform(*_GONE), result, finished)
        else:
            async with suspended(bus, result):
                await asyncio.sleep(rng.uniform(0.5, 4))


async def inject_store_faults(store: Engine, plan: Plan, result: RunResult, finished: asyncio.Event) -> None:
    """Kill the store now and then until `finished` is set; it runs afterwards."""
    rng = plan.rng("store")
    while not await _is_set_within(finished, rng.uniform(*_STORE_REST)):
        await _kill(store, rng.uniform(*_GONE), result, finished)


async def _kill(engine: Engine, gone: float, result: RunResult, finished: asyncio.Event) -> None:
    await engine.kill()
    result.kills[engine.name] += 1
    await _is_set_within(finished, gone)
    await engine.start()


@asynccontextmanager
async def suspended(engine: Engine, result: RunResult) -> AsyncIterator[None]:
    """Suspend an engine with SIGSTOP, its connections open, for the length of the block."""
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    result.faults[f"{engine.name} stopped"] += 1
    try:
        yield
    finally:
        os.kill(engine.pid, signal.SIGCONT)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
