"""A chaos run from its first call to its audit."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from tests.chaos.audit import audit, unsettled
from tests.chaos.environment import ChaosEnvironment, open_environment, stop
from tests.chaos.fault_injection import inject_bus_faults, inject_service_faults, inject_store_faults, suspended
from tests.chaos.follower import follow
from tests.chaos.plan import Plan
from tests.chaos.result import RunResult
from tests.chaos.scripted_session import ScriptedSession
from tests.chaos.sender import Sender, SentSessions
from tests.kernel import adopting_orphans
from tests.processes import descendants_of
from tests.waiting import until

_LONG = 20.0
_SLOW_PACE = 0.25  # calls a second of each sender while no call can be completed


@dataclass(slots=True)
class Run:
    """The parts of a run; `say` is called with one line for each of its phases."""

    plan: Plan
    environment: ChaosEnvironment
    result: RunResult
    sent: SentSessions
    say: Callable[[str], None]

    async def inject_faults(self) -> None:
        """Inject all kinds of faults at once until each service was killed as often as planned."""
        finished = asyncio.Event()
        plan, result = self.plan, self.result
        self.environment.faulty_store.rate = plan.store_faults
        async with asyncio.TaskGroup() as engines:
            engines.create_task(inject_bus_faults(self.environment.nats, plan, result, finished))
            engines.create_task(inject_store_faults(self.environment.store, plan, result, finished))
            try:
                async with asyncio.TaskGroup() as services:
                    for process in self.environment.processes.values():
                        services.create_task(inject_service_faults(process, plan, result))
            finally:
                finished.set()
        self.environment.faulty_store.calm()

    async def stop_bus(self) -> None:
        """Suspend the bus; chunks and finalizes sent meanwhile must be accepted all the same."""
        async with suspended(self.environment.nats, self.result):
            await self._send_without_bus("stopped", self.plan.pause)

    async def take_bus_away(self) -> None:
        """Kill the bus and start it again; chunks and finalizes sent meanwhile must be accepted all the same."""
        await self.environment.nats.kill()
        try:
            await self._send_without_bus("away", self.plan.away)
        finally:
            await self.environment.nats.start()

    async def _send_without_bus(self, how: str, seconds: float) -> None:
        pace, self.sent.pace = self.sent.pace, _SLOW_PACE if self.plan.away > _LONG else self.sent.pace
        before, since = self.result.responses.copy(), time.monotonic()

        def accepted(what: str) -> int:
            return self.result.responses[what] - before[what]

        await asyncio.sleep(seconds)
        try:
            await until(lambda: accepted("chunk 200") and accepted("finalize 202"), within=self.plan.stall_timeout)
        except AssertionError:
            self.result.violated(f"nothing was accepted while the bus was {how}")
        self.sent.pace = pace
        passed = time.monotonic() - since
        chunks, finalizes = accepted("chunk 200"), accepted("finalize 202")
        self.say(f"bus {how} for {passed:.0f} s: {chunks} chunks and {finalizes} finalizes accepted meanwhile")

    async def drain(self) -> None:
        """Wait until every call has its result and no job is left; no progress for `stall_timeout` is a violation."""
        left = await self._left()
        while left != (0, 0):
            try:
                changed = await until(partial(self._left_but, left), within=self.plan.stall_timeout)
            except AssertionError:
                stuck = ", ".join(call.session for call in list(self.sent.awaited)[:10])
                self.result.violated(f"stuck: {left[0]} calls without a result ({stuck}), {left[1]} jobs unsettled")
                return
            assert changed is not None
            left = changed

    async def _left(self) -> tuple[int, int]:
        return len(self.sent.awaited), await unsettled(self.environment.nats.url)

    async def _left_but(self, before: tuple[int, int]) -> tuple[int, int] | None:
        """Return what is left once it differs from `before`, None until then."""
        now = await self._left()
        return None if now == before else now


async def run_chaos(plan: Plan, folder: Path, say: Callable[[str], None]) -> tuple[list[ScriptedSession], RunResult]:
    """Run `plan` with all files below `folder`; returns every call and the result."""
    result, sent = RunResult(), SentSessions()
    with adopting_orphans():
        before = descendants_of(os.getpid())
        async with open_environment(plan, folder, result) as environment:
            run = Run(plan, environment, result, sent, say)
            async with _sending(run):
                await _phases(run)
            await _check(run)
        try:
            await until(lambda: not descendants_of(os.getpid()) - before, what="all processes to be gone")
        except AssertionError as exc:
            result.violated(str(exc))
    return sent.calls, result


@asynccontextmanager
async def _sending(run: Run) -> AsyncIterator[None]:
    """Send and follow calls during the block; at its end, send every started call whole and wait for its result."""
    limits = httpx.Limits(max_keepalive_connections=20)
    async with httpx.AsyncClient(base_url=run.environment.ingest, timeout=60, limits=limits) as client:
        following = asyncio.create_task(follow(client, run.sent, run.result))
        try:
            async with asyncio.TaskGroup() as sending:
                for number in range(run.plan.senders):
                    sender = Sender(f"s{number}", run.plan, client, run.sent, run.result)
                    sending.create_task(sender.run())
                try:
                    yield
                finally:
                    run.sent.ending = True
            run.say("all calls are sent")
            await run.drain()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _phases(run: Run) -> None:
    await run.inject_faults()
    run.say(f"fault injection is over: {sum(run.result.kills.values())} kills, {len(run.sent.calls)} calls")
    if run.plan.pause:
        await run.stop_bus()
    if run.plan.away:
        await run.take_bus_away()


async def _check(run: Run) -> None:
    """Check that the services are ready, stop them, let ingest sweep its temporary files once more, and audit."""
    for process in run.environment.processes.values():
        try:
            await until(partial(process.answers, "/readyz"), within=30, what=f"{process.name} to be ready")
        except AssertionError as exc:
            run.result.violated(str(exc))
    await run.environment.stop_all(run.result)
    ingest = run.environment.processes["ingest"]
    await ingest.start()
    try:
        await until(lambda: not any(run.environment.spool.temporaries.iterdir()), what="the sweep")
    except AssertionError as exc:
        run.result.violated(str(exc))
    await stop(ingest, run.result)
    _count_failpoints(run)
    await audit(run.environment, run.sent, run.result)


def _count_failpoints(run: Run) -> None:
    for process in run.environment.processes.values():
        for line in process.log.read_text().splitlines():
            if "a failpoint acts" in line:
                entry = json.loads(line)
                run.result.faults[f"{entry['name']} {entry['action']}"] += 1
