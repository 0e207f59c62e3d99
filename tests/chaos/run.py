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

from tests.chaos.attacks import attack_bus, attack_service, attack_store, suspended
from tests.chaos.audit import audit, unsettled
from tests.chaos.environment import ChaosEnvironment, open_environment, stop
from tests.chaos.follower import follow
from tests.chaos.kernel import adopting_orphans
from tests.chaos.plan import Plan
from tests.chaos.result import RunResult
from tests.chaos.scripted_session import ScriptedSession
from tests.chaos.sender import Sender, SentSessions
from tests.processes import descendants_of
from tests.waiting import until

_LONG = 20.0
_SLOW_PACE = 0.25  # calls a second of each sender while nothing can be brought to its end


@dataclass(slots=True)
class Run:
    """What a run is made of; `said` gets one line for each of its phases."""

    plan: Plan
    field: ChaosEnvironment
    tally: RunResult
    traffic: SentSessions
    say: Callable[[str], None]

    async def inject_faults(self) -> None:
        """Attack everything at once until each service was killed as often as planned."""
        over = asyncio.Event()
        plan, tally = self.plan, self.tally
        self.field.way.rate = plan.store_faults
        async with asyncio.TaskGroup() as engines:
            engines.create_task(attack_bus(self.field.nats, plan, tally, over))
            engines.create_task(attack_store(self.field.store, plan, tally, over))
            try:
                async with asyncio.TaskGroup() as services:
                    for victim in self.field.victims.values():
                        services.create_task(attack_service(victim, plan, tally))
            finally:
                over.set()
        self.field.way.calm()

    async def stop_bus(self) -> None:
        """Let the bus stand still; what is sent meanwhile is taken all the same."""
        async with suspended(self.field.nats, self.tally):
            await self._take_without_bus("stopped", self.plan.pause)

    async def take_bus_away(self) -> None:
        """Let the bus be gone and come back; what is sent meanwhile is taken all the same."""
        await self.field.nats.kill()
        try:
            await self._take_without_bus("away", self.plan.away)
        finally:
            await self.field.nats.start()

    async def _take_without_bus(self, how: str, seconds: float) -> None:
        pace, self.traffic.pace = self.traffic.pace, _SLOW_PACE if self.plan.away > _LONG else self.traffic.pace
        before, since = self.tally.answers.copy(), time.monotonic()

        def taken(what: str) -> int:
            return self.tally.answers[what] - before[what]

        await asyncio.sleep(seconds)
        try:
            await until(lambda: taken("chunk 200") and taken("finalize 202"), within=self.plan.patience)
        except AssertionError:
            self.tally.violated(f"nothing was taken while the bus was {how}")
        self.traffic.pace = pace
        passed = time.monotonic() - since
        chunks, finalizes = taken("chunk 200"), taken("finalize 202")
        self.say(f"bus {how} for {passed:.0f} s: {chunks} chunks and {finalizes} finalizes taken meanwhile")

    async def drain(self) -> None:
        """Wait until every call has its result and nothing is under way; standing still for long is a violation."""
        left = await self._left()
        while left != (0, 0):
            try:
                changed = await until(partial(self._left_but, left), within=self.plan.patience)
            except AssertionError:
                stuck = ", ".join(call.session for call in list(self.traffic.awaited)[:10])
                self.tally.violated(f"stuck: {left[0]} calls without a result ({stuck}), {left[1]} jobs unsettled")
                return
            assert changed is not None
            left = changed

    async def _left(self) -> tuple[int, int]:
        return len(self.traffic.awaited), await unsettled(self.field.nats.url)

    async def _left_but(self, before: tuple[int, int]) -> tuple[int, int] | None:
        """Return what is left once that is not the same as before, None until then."""
        now = await self._left()
        return None if now == before else now


async def run_chaos(plan: Plan, folder: Path, say: Callable[[str], None]) -> tuple[list[ScriptedSession], RunResult]:
    """Run everything that `plan` says below `folder`; returns every call, and what happened."""
    tally, traffic = RunResult(), SentSessions()
    with adopting_orphans():
        before = descendants_of(os.getpid())
        async with open_environment(plan, folder, tally) as place:
            run = Run(plan, place, tally, traffic, say)
            async with _traffic(run):
                await _phases(run)
            await _look(run)
        try:
            await until(lambda: not descendants_of(os.getpid()) - before, what="all processes to be gone")
        except AssertionError as exc:
            tally.violated(str(exc))
    return traffic.calls, tally


@asynccontextmanager
async def _traffic(run: Run) -> AsyncIterator[None]:
    """Send and follow calls beside the block; at its end every call is sent whole, and awaited."""
    limits = httpx.Limits(max_keepalive_connections=20)
    async with httpx.AsyncClient(base_url=run.field.ingest, timeout=60, limits=limits) as client:
        following = asyncio.create_task(follow(client, run.traffic, run.tally))
        try:
            async with asyncio.TaskGroup() as sending:
                for number in range(run.plan.senders):
                    sender = Sender(f"s{number}", run.plan, client, run.traffic, run.tally)
                    sending.create_task(sender.run())
                try:
                    yield
                finally:
                    run.traffic.ending = True
            run.say("all calls are sent")
            await run.drain()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _phases(run: Run) -> None:
    await run.inject_faults()
    run.say(f"the storm is over: {sum(run.tally.kills.values())} kills, {len(run.traffic.calls)} calls")
    if run.plan.pause:
        await run.stop_bus()
    if run.plan.away:
        await run.take_bus_away()


async def _look(run: Run) -> None:
    """See that the services are well, stop them, let ingest sweep once more, and audit."""
    for victim in run.field.victims.values():
        try:
            await until(partial(victim.answers, "/readyz"), within=30, what=f"{victim.name} to be ready")
        except AssertionError as exc:
            run.tally.violated(str(exc))
    await run.field.stop_all(run.tally)
    ingest = run.field.victims["ingest"]
    await ingest.start()
    try:
        await until(lambda: not any(run.field.spool.temporaries.iterdir()), within=5, what="the sweep")
    except AssertionError as exc:
        run.tally.violated(str(exc))
    await stop(ingest, run.tally)
    _count_failpoints(run)
    await audit(run.field, run.traffic, run.tally)


def _count_failpoints(run: Run) -> None:
    for victim in run.field.victims.values():
        for line in victim.log.read_text().splitlines():
            if "a failpoint acts" in line:
                said = json.loads(line)
                run.tally.faults[f"{said['name']} {said['action']}"] += 1
