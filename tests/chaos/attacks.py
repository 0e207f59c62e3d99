"""Who breaks what: one attacker a victim, each with its own chances, all at once."""

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

_LIFE = (0.0, 2.0)  # seconds between its first answer and its end
_ARMED_LIFE = (1.5, 4.0)  # where it is to end by itself, and may not come by the spot
_WORK = 4.0  # seconds that it may take to do something first; there may be nothing to do
_START_REFUSED = 3  # uvicorn's word for a lifespan that did not begin
_FULL_DISK = 100  # bytes that a file may have: locks fit, chunks do not
_FULL_SECONDS = (0.1, 0.8)
_BUS_REST = (3.0, 15.0)
_STORE_REST = (5.0, 20.0)
_GONE = (0.0, 2.0)


async def attack_service(victim: ChaosProcess, plan: Plan, tally: RunResult) -> None:
    """Kill a service `plan.kills` times, from outside or at a named spot; it runs undisturbed afterwards."""
    dice = plan.dice(victim.name)
    while tally.kills[victim.name] < plan.kills:
        failpoints = draw_failpoints(victim.name, dice)
        full_disk = victim.name in {"ingest", "assembler"} and dice.random() < 0.25
        life = dice.uniform(*(_ARMED_LIFE if "=kill" in failpoints else _LIFE))
        full = dice.uniform(*_FULL_SECONDS)
        works_first = dice.random() < 0.5  # however slow the machine is, work goes on
        lived = await victim.start(failpoints)
        if lived:
            if full_disk:
                await _fill_disk(victim, full, tally)
            if works_first:
                await victim.works_within(_WORK)
            await victim.ends_within(life)
        status = await victim.end(signal.SIGKILL)
        if status == -signal.SIGKILL:
            tally.kills[victim.name] += 1
        elif status == _START_REFUSED and not lived and "=e" in failpoints:
            tally.faults["start refused by the disk"] += 1
        else:
            tally.violated(f"{victim.name} ended by itself with {status}: see {victim.log}")
    await victim.start()


async def _fill_disk(victim: ChaosProcess, seconds: float, tally: RunResult) -> None:
    """Let no file of the process grow for a while, which needs no privilege: the kernel says EFBIG."""
    tally.faults["full disk"] += 1
    _limit_files(victim.pid, _FULL_DISK)
    await victim.ends_within(seconds)
    _limit_files(victim.pid, resource.RLIM_INFINITY)


def _limit_files(pid: int | None, size: int) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def attack_bus(bus: Engine, plan: Plan, tally: RunResult, over: asyncio.Event) -> None:
    """Kill the bus or stop it for a moment, now and then until the storm is over; it runs afterwards."""
    dice = plan.dice("bus")
    while not await _is_set_within(over, dice.uniform(*_BUS_REST)):
        if dice.random() < 0.6:
            await _kill(bus, dice.uniform(*_GONE), tally, over)
        else:
            async with suspended(bus, tally):
                await asyncio.sleep(dice.uniform(0.5, 4))


async def attack_store(store: Engine, plan: Plan, tally: RunResult, over: asyncio.Event) -> None:
    """Kill the store now and then until the storm is over; it runs afterwards."""
    dice = plan.dice("store")
    while not await _is_set_within(over, dice.uniform(*_STORE_REST)):
        await _kill(store, dice.uniform(*_GONE), tally, over)


async def _kill(engine: Engine, gone: float, tally: RunResult, over: asyncio.Event) -> None:
    await engine.kill()
    tally.kills[engine.name] += 1
    await _is_set_within(over, gone)
    await engine.start()


@asynccontextmanager
async def suspended(engine: Engine, tally: RunResult) -> AsyncIterator[None]:
    """Let an engine stand still with its connections open for as long as the block takes."""
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    tally.faults[f"{engine.name} stopped"] += 1
    try:
        yield
    finally:
        os.kill(engine.pid, signal.SIGCONT)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
